import os
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import psutil
import pytest
import requests

from flows import servers
from flows.servers import free_port, is_answering, prefect_server, require_free_port, service_environment, start, stop
from tasks.errors import UserError
from tasks.settings import LOOPBACK, PREFECT_DATABASE, Settings

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")

PARENT = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("started", flush=True)
time.sleep(600)
"""


DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(600)
"""

KILLED = """
import os, pathlib, sys
from flows.servers import start
process = start([sys.executable, "-c", "import time; time.sleep(600)"], dict(os.environ), pathlib.Path(sys.argv[1]))
print(process.pid, flush=True)
os.kill(os.getpid(), 9)
"""


def is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def wait_for(log, text: str, process: subprocess.Popen) -> None:
    while text not in log.read_text():
        assert process.poll() is None, log.read_text()


def test_stop_ends_a_process_with_its_children(tmp_path):
    process = start([sys.executable, "-c", PARENT], dict(os.environ), tmp_path / "log")
    wait_for(tmp_path / "log", "started", process)
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) == 1
    stop([process])
    assert process.poll() is not None
    assert all(is_gone(child) for child in family)


def test_stop_kills_what_does_not_listen(tmp_path, monkeypatch):
    monkeypatch.setattr(servers, "STOP_SECONDS", 0.2)
    process = start([sys.executable, "-c", DEAF], dict(os.environ), tmp_path / "log")
    wait_for(tmp_path / "log", "deaf", process)
    deaf = psutil.Process(process.pid)
    stop([process])
    assert is_gone(deaf)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_what_was_started_ends_when_its_parent_is_killed(tmp_path):
    ended = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "log")], capture_output=True, text=True)
    try:
        orphan = psutil.Process(int(ended.stdout))
    except psutil.NoSuchProcess:
        return
    deadline = time.monotonic() + 30
    while not is_gone(orphan):
        assert time.monotonic() < deadline


def test_a_server_that_does_not_come_up_is_one_line(tmp_path):
    log = tmp_path / "log"
    process = start([sys.executable, "-c", "raise SystemExit(7)"], dict(os.environ), log)
    with pytest.raises(UserError, match=rf"MLflow server ended with code 7 while starting; see {log}"):
        servers.wait_until_healthy("MLflow server", f"http://127.0.0.1:{free_port()}/health", process, log)


def test_a_named_server_that_is_not_there_is_one_line(settings, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{free_port()}/api")
    with prefect_server(settings) as server, pytest.raises(UserError, match="unset PREFECT_API_URL"):
        server.wait()
    assert not settings.data_dir.exists()


def test_a_full_disk_is_one_line_and_starts_nothing(settings, monkeypatch):
    monkeypatch.setattr(servers, "FREE_BYTES", 1 << 62)
    with pytest.raises(UserError, match="free some space, or set KALEIDOSCOPE_DATA_DIR"), prefect_server(settings):
        pass
    assert not settings.data_dir.exists()


def test_a_free_port_is_free():
    require_free_port("the server", free_port(), "--port")


def test_services_report_to_nobody_and_share_our_folders(tmp_path, monkeypatch):
    monkeypatch.delenv("PREFECT_HOME")
    monkeypatch.chdir(tmp_path)
    environment = service_environment(Settings(data_dir="here", images_dir="photographs"))
    assert environment["PREFECT_HOME"] == str(tmp_path / "here" / "prefect")
    assert environment["KALEIDOSCOPE_DATA_DIR"] == str(tmp_path / "here")
    assert environment["KALEIDOSCOPE_IMAGES_DIR"] == str(tmp_path / "photographs")
    assert environment["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"


@pytest.mark.parametrize("name", [*PREFECT_DATABASE, "PREFECT_SERVER_DATABASE_DRIVER"])
def test_a_database_of_the_users_is_left_alone(tmp_path, monkeypatch, name):
    settings = Settings(data_dir=tmp_path / "100%")
    monkeypatch.setenv("PREFECT_HOME", str(settings.data_dir / "prefect"))
    [ours] = {*PREFECT_DATABASE} & service_environment(settings).keys()
    assert ours == PREFECT_DATABASE[0]
    monkeypatch.setenv(ours, service_environment(settings)[ours])
    assert settings.prefect_database_url is None
    monkeypatch.delenv(ours)
    monkeypatch.setenv(name, "postgresql+asyncpg://there/prefect")
    assert {*PREFECT_DATABASE} & service_environment(settings).keys() == {*PREFECT_DATABASE} & {name}
    assert settings.prefect_database_url == ("postgresql+asyncpg://there/prefect" if name in PREFECT_DATABASE else None)


@pytest.fixture
def web() -> Iterator[tuple[int, list[str]]]:
    """Port of a server on loopback that is always well, and also a proxy; and what it was asked for."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

    with ThreadingHTTPServer((servers.HOST, 0), Handler) as server:
        Thread(target=server.serve_forever).start()
        yield server.server_port, asked
        server.shutdown()


@pytest.fixture
def proxy(monkeypatch):
    """A function that sets the user's proxy and the hosts that it is not for."""

    def set_proxy(port: int, direct: str | None = None) -> None:
        for name in (*PROXIES, "no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        for name in PROXIES:
            monkeypatch.setenv(name, f"http://{servers.HOST}:{port}")
        if direct is not None:
            monkeypatch.setenv("NO_PROXY", direct)

    return set_proxy


@pytest.mark.parametrize("direct", [None, "", "intern.example", "*"])
@pytest.mark.parametrize("name", LOOPBACK)
def test_loopback_is_asked_past_the_proxy(name, direct, web, proxy, settings, monkeypatch):
    port, asked = web
    proxy(free_port(), direct)
    url = f"http://{name}:{port}"
    assert is_answering(f"{url}/health")
    monkeypatch.setenv("PREFECT_API_URL", f"{url}/api")
    with prefect_server(settings) as server:
        server.wait()
        assert httpx.get(f"{url}/httpx").status_code == 200
        assert requests.get(f"{url}/requests").status_code == 200
    assert asked == ["/health", "/api/health", "/httpx", "/requests"]


def test_other_hosts_are_asked_through_the_proxy(web, proxy, settings, monkeypatch):
    port, asked = web
    proxy(port, "intern.example")
    elsewhere = "http://elsewhere.example"
    monkeypatch.setenv("PREFECT_API_URL", f"{elsewhere}/api")
    with prefect_server(settings) as server:
        server.wait()
        assert httpx.get(f"{elsewhere}/httpx").status_code == 200
        assert requests.get(f"{elsewhere}/requests").status_code == 200
        assert os.environ["no_proxy"] == os.environ["NO_PROXY"] == "intern.example,127.0.0.1,localhost"
    assert asked == [f"{elsewhere}{path}" for path in ("/api/health", "/httpx", "/requests")]
    assert os.environ["NO_PROXY"] == "intern.example"
    assert "no_proxy" not in os.environ


def test_a_submitted_run_keeps_its_slot_while_the_machine_sleeps(settings, monkeypatch):
    """Prefect itself reads the variable; by default it cancels the run when its process begins after 300 s."""
    from prefect.settings.models.server.concurrency import ServerConcurrencySettings

    name = "PREFECT_SERVER_CONCURRENCY_INITIAL_DEPLOYMENT_LEASE_DURATION"
    monkeypatch.delenv(name, raising=False)
    before = ServerConcurrencySettings().initial_deployment_lease_duration
    monkeypatch.setenv(name, service_environment(settings)[name])
    assert before == 300
    assert ServerConcurrencySettings().initial_deployment_lease_duration == 3600
