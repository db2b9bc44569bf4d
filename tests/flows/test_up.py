"""The real servers and the real worker, once, behind a dead proxy: deploy, run, keep web pages out, stop."""

import asyncio
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import distribution
from threading import Thread

import httpx
import psutil
import pytest
from prefect import flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.deployments import run_deployment
from prefect.exceptions import PrefectHTTPStatusError
from prefect.flow_runs import wait_for_flow_run
from prefect.flows import Flow
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Completed
from prefect.workers.process import ProcessJobConfiguration

from flows import FLOWS, WORK_POOL, servers
from flows.servers import HOST, free_port, is_answering, running_servers, running_servers_file
from flows.up import JOB_TEMPLATE
from tasks.checksums import write_document
from tasks.settings import ROOT, Settings
from tasks.staging import stage_tables
from tasks.warehouse.query import catalogue
from tests.browser import chromium, wait_for_text
from tests.damage import flipped
from tests.processes import environment_for
from tests.sample_tables import sample_tables

RUN_SECONDS = 300
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
DEAD_PROXY = "http://127.0.0.1:9"

# what a page may try: an answer that it could read, or "refused"
ATTEMPTS = """
    const [api, deployment, done] = arguments
    const run = `${api}/deployments/${deployment}/create_flow_run`
    const ask = async (address, request) => {
        let answer = await fetch(address, request)
        while (answer.status === 503) {  // the database is busy: Prefect's clients try again, too
            answer = await fetch(address, request)
        }
        return [0, 403].includes(answer.status) ? "refused" : await answer.text()
    }
    const listen = () => new Promise((resolve, reject) => {
        const socket = new WebSocket(`${api.replace("http", "ws")}/events/in`)
        socket.onopen = () => resolve("open")
        socket.onerror = reject
    })
    const attempts = {
        read: () => ask(`${api}/health`),
        blind: () => ask(`${api}/health`, {mode: "no-cors"}),
        json: () => ask(run, {method: "POST", headers: {"Content-Type": "application/json"}, body: "{}"}),
        text: () => ask(run, {method: "POST", mode: "no-cors", body: "{}"}),
        untyped: () => ask(run, {method: "POST", mode: "no-cors", body: new Blob(["{}"])}),
        events: listen,
    }
    const all = async () => {
        const results = {}
        for (const [name, attempt] of Object.entries(attempts)) {
            results[name] = await attempt().catch(() => "refused")
        }
        return results
    }
    all().then(done)
"""
CREATE_EXPERIMENT = """
    const [address, name, done] = arguments
    const body = JSON.stringify({name})
    const json = {method: "POST", headers: {"Content-Type": "application/json"}, body}
    const blind = {method: "POST", mode: "no-cors", body}
    const create = (request) => fetch(address, request).then((answer) => answer.ok ? "done" : "refused")
    Promise.all([json, blind].map((request) => create(request).catch(() => "refused"))).then(done)
"""
FORM = """
    const form = document.createElement("form")
    Object.assign(form, {method: "POST", action: arguments[0], enctype: "text/plain"})
    form.append(Object.assign(document.createElement("input"), {name: '{"name": "', value: '"}'}))
    document.body.append(form)
    form.submit()
"""
FRAME = """
    document.body.append(Object.assign(document.createElement("iframe"), {src: arguments[0]}))
"""
REFUSED = "This server answers only its own pages and programs."


@flow
def ended() -> None:
    """Never called: its runs are made through the API."""


def up_command(prefect_port: int, mlflow_port: int) -> list[str]:
    ports = ["--prefect-port", str(prefect_port), "--mlflow-port", str(mlflow_port)]
    return [sys.executable, "-c", "from flows.cli import main; main()", "up", *ports]


@dataclass(frozen=True)
class Service:
    """A running `up` and its data folder."""

    process: subprocess.Popen
    settings: Settings
    prefect_port: int
    mlflow_port: int

    @property
    def api(self) -> str:
        return f"http://{HOST}:{self.prefect_port}/api"


@pytest.fixture(scope="module")
def service(tmp_path_factory) -> Iterator[Service]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("up") / "is it data?")
    stage_tables("sample", sample_tables(), settings)
    prefect_port, mlflow_port = free_port(), free_port()
    ours = {
        "KALEIDOSCOPE_KEEP_RUNS_DAYS": "2",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS": "5",
    }
    process = subprocess.Popen(
        up_command(prefect_port, mlflow_port),
        cwd=ROOT,
        env=environment_for(settings) | dict.fromkeys(PROXIES, DEAD_PROXY) | ours,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        said = []
        for line in process.stdout:
            said.append(line)
            if "Ctrl-C stops all" in line:
                break
        else:
            pytest.fail("".join(said))
        yield Service(process, settings, prefect_port, mlflow_port)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


@pytest.fixture
def client(service) -> Iterator[SyncPrefectClient]:
    with temporary_settings({PREFECT_API_URL: service.api}), get_client(sync_client=True) as client:
        yield client


@pytest.fixture
def victim(client) -> str:
    """A deployment that no worker runs."""
    flow = client.create_flow_from_name("victim")
    return str(client.create_deployment(flow, "victim"))


def test_servers_and_worker_run_deployments(service, client):
    addresses = {"prefect": service.api, "mlflow": f"http://{HOST}:{service.mlflow_port}"}
    assert running_servers(service.settings) == addresses
    deployed = {deployment.name: deployment for deployment in client.read_deployments()}
    assert set(deployed) == set(FLOWS)
    assert all(deployment.work_pool_name == WORK_POOL for deployment in deployed.values())

    state = run_deployment("publish/publish", timeout=RUN_SECONDS, poll_interval=1).state
    assert state.is_completed(), state
    assert state.result()["places"]["published"] == str(service.settings.published_file)
    assert "features" in catalogue(service.settings)["name"]


def test_a_run_does_not_choose_its_command_or_environment(service, client, tmp_path):
    probe = Flow.from_source(str(ROOT), "tests/flows/probe.py:probe")
    deployment = client.read_deployment(probe.deploy("probe", work_pool_name=WORK_POOL, print_next_steps=False))
    chosen = {
        "command": f"touch {tmp_path / 'made'}",
        "env": {"CHOSEN_BY_RUN": "1"},
        "env.CHOSEN_BY_RUN": "1",
        "working_dir": str(tmp_path),
    }
    for name, value in chosen.items():
        with pytest.raises(PrefectHTTPStatusError, match="422"):
            client.create_flow_run_from_deployment(deployment.id, job_variables={name: value})
        with pytest.raises(PrefectHTTPStatusError, match="422"):
            client.create_deployment(
                deployment.flow_id, "chosen", work_pool_name=WORK_POOL, job_variables={name: value}
            )

    # this way in, the server accepts them unseen
    wanted = {"flow_id": str(deployment.flow_id), "deployment_id": str(deployment.id), "work_pool_name": WORK_POOL}
    wanted |= {"job_variables": chosen, "state": {"type": "SCHEDULED"}}
    created = httpx.post(f"{service.api}/flow_runs/", json=wanted).raise_for_status().json()
    assert created["job_variables"] == chosen
    ended = asyncio.run(wait_for_flow_run(created["id"], timeout=RUN_SECONDS, poll_interval=1))
    assert ended.state.is_completed(), ended.state
    # our folder mlflow/ doesn't hide the package there
    mlflow = distribution("mlflow")
    assert ended.state.result() == {
        "version": mlflow.version,
        "file": str(mlflow.locate_file("mlflow/__init__.py")),
        "chosen": None,
    }
    assert not (tmp_path / "made").exists()


def test_the_job_template_ignores_all_variables():
    chosen = {"command": "touch made", "env": {"A": "1"}, "env.A": "1", "working_dir": "/", "name": "n", "labels": {}}
    made = ProcessJobConfiguration.from_template_and_values(JOB_TEMPLATE, chosen, client=object())
    assert asyncio.run(made) == ProcessJobConfiguration()


@contextmanager
def empty_page(folder) -> Iterator[str]:
    """Address of an empty page on another port of this machine."""
    (folder / "index.html").write_text("<!doctype html><link rel=icon href=data:><body></body>")
    with ThreadingHTTPServer((HOST, 0), partial(SimpleHTTPRequestHandler, directory=folder)) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://{HOST}:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A browser for which evil.example has become a name of this machine, as after DNS rebinding."""
    with chromium(tmp_path_factory.mktemp("chromium"), "--host-resolver-rules=MAP evil.example 127.0.0.1") as browser:
        yield browser


def test_a_page_elsewhere_reads_nothing_and_starts_nothing(service, client, victim, browser, tmp_path):
    rebound = f"http://evil.example:{service.prefect_port}"
    attempts = {"read", "blind", "json", "text", "untyped", "events"}
    before = len(client.read_flow_runs())
    with empty_page(tmp_path) as page:
        for page_address, api in ((page, service.api), (page, f"{rebound}/api"), (rebound, f"{rebound}/api")):
            browser.get(page_address)
            assert browser.execute_async_script(ATTEMPTS, api, victim) == dict.fromkeys(attempts, "refused")
            browser.execute_script(FORM, f"{api}/deployments/{victim}/create_flow_run")
            wait_for_text(browser, REFUSED)

        browser.get(page)
        browser.execute_script(FRAME, f"http://{HOST}:{service.prefect_port}/deployments")
        browser.switch_to.frame(0)
        wait_for_text(browser, REFUSED)
    assert len(client.read_flow_runs()) == before


def test_the_pages_of_prefect_work_by_both_addresses(service, client, victim, browser):
    for name in (HOST, "localhost"):
        address = f"http://{name}:{service.prefect_port}"
        browser.get(f"{address}/deployments")
        wait_for_text(browser, "early-vision")
        found = browser.execute_async_script(ATTEMPTS, service.api, victim)
        assert (found["read"], found["events"]) == ("true", "open")
        started = json.loads(found["json"])["name"]
        browser.get(f"{address}/runs")
        wait_for_text(browser, started)
        browser.get(f"{address}/v2/deployments")
        wait_for_text(browser, "early-vision")


def test_mlflow_answers_its_own_pages_only(service, browser, tmp_path):
    rebound, port = f"http://evil.example:{service.mlflow_port}", service.mlflow_port
    create = "ajax-api/2.0/mlflow/experiments/create"

    def attempts(page: str, server: str, name: str) -> list[str]:
        browser.get(page)
        return browser.execute_async_script(CREATE_EXPERIMENT, f"{server}/{create}", name)

    with empty_page(tmp_path) as page:
        assert attempts(page, f"http://{HOST}:{port}", "another port") == ["refused", "refused"]
        assert attempts(page, rebound, "another port, rebound") == ["refused", "refused"]
        assert attempts(rebound, rebound, "rebound") == ["refused", "refused"]
    for name in (HOST, "localhost"):
        server = f"http://{name}:{port}"
        assert attempts(f"{server}/health", server, f"made by {name}") == ["done", "refused"]
        browser.get(f"{server}/#/experiments")
        wait_for_text(browser, f"made by {name}")
    found = httpx.get(f"http://{HOST}:{port}/api/2.0/mlflow/experiments/search?max_results=100").json()["experiments"]
    assert {experiment["name"] for experiment in found} - {"Default"} == {f"made by {HOST}", "made by localhost"}


@pytest.mark.faults
def test_runs_are_deleted_after_the_days_of_the_setting(service, client):
    old, new = (client.create_flow_run(ended, state=Completed()).id for _ in range(2))
    # the server itself says when a run ended
    database = service.settings.data_dir / "prefect" / "prefect.db"
    with closing(sqlite3.connect(database, timeout=60)) as connection, connection:
        for run, days in ((old, 3), (new, 1)):
            end = f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%d %H:%M:%S.%f}"
            changed = connection.execute("UPDATE flow_run SET end_time = ? WHERE id = ?", [end, str(run)])
            assert changed.rowcount == 1
    deadline = time.monotonic() + RUN_SECONDS
    while old in (left := {run.id for run in client.read_flow_runs()}):
        assert time.monotonic() < deadline
        time.sleep(1)
    assert new in left


def test_servers_and_worker_stop_together(service):
    addresses = running_servers(service.settings)
    assert len(addresses) == 2
    family = psutil.Process(service.process.pid).children(recursive=True)
    assert len(family) >= 3
    service.process.send_signal(signal.SIGINT)
    assert service.process.wait() == 0
    assert psutil.wait_procs(family, timeout=5)[1] == []
    assert not running_servers_file(service.settings).exists()
    assert not is_answering(f"{addresses['prefect']}/health")


def test_servers_that_are_gone_are_not_taken_for_running(settings):
    write_document(running_servers_file(settings), {"prefect": f"http://{HOST}:{free_port()}/api"})
    assert running_servers(settings) == {}


def test_a_damaged_list_of_servers_is_none(settings, monkeypatch):
    monkeypatch.setattr(servers, "is_answering", lambda url: True)
    file, addresses = running_servers_file(settings), {"prefect": f"http://{HOST}:4200/api"}
    write_document(file, addresses)
    assert running_servers(settings) == addresses
    whole = file.read_bytes()
    for bit in range(8 * len(whole)):
        file.write_bytes(flipped(whole, bit))
        assert running_servers(settings) in ({}, addresses)  # the same where a space was flipped to a tab
    file.write_bytes(flipped(whole, 8 * whole.index(b"4200")))
    assert running_servers(settings) == {}


def test_a_port_in_use_is_one_line(settings):
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = subprocess.run(up_command(free_port(), port), cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr == (
        f"kaleidoscope: port {port} for the MLflow server can't be used (Address already in use); "
        "choose another with --mlflow-port\n"
    )
    assert not settings.data_dir.exists()


def test_both_ports_alike_is_one_line(settings):
    port = free_port()
    ended = subprocess.run(up_command(port, port), cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr == (
        f"kaleidoscope: both servers can't listen on port {port}; choose another with --prefect-port or --mlflow-port\n"
    )
    assert not settings.data_dir.exists()
