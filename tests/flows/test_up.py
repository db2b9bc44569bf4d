"""The real servers and the real worker, once: deploy, run, stop."""

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from importlib.metadata import distribution

import psutil
import pytest
from prefect.client.orchestration import get_client
from prefect.deployments import run_deployment
from prefect.flows import Flow
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows import FLOWS, LOADER_LIMIT, WORK_POOL
from flows.servers import HOST, answers, free_port, running_servers, running_servers_file
from tasks.frames import write_frames
from tasks.settings import ROOT, Settings
from tasks.warehouse.query import catalogue
from tests.sample_frames import sample_frames

RUN_SECONDS = 300


def up_command(prefect_port: int, mlflow_port: int) -> list[str]:
    ports = ["--prefect-port", str(prefect_port), "--mlflow-port", str(mlflow_port)]
    return [sys.executable, "-c", "from flows.cli import main; main()", "up", *ports]


@contextmanager
def running_up(prefect_port: int, mlflow_port: int, settings: Settings):
    process = subprocess.Popen(
        up_command(prefect_port, mlflow_port),
        cwd=ROOT,
        env=os.environ | {"PREFECT_HOME": str(settings.data_dir / "prefect")},
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
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def run(deployment: str):
    state = run_deployment(deployment, timeout=RUN_SECONDS, poll_interval=1).state
    assert state.is_completed(), state
    return state.result()


def test_servers_and_worker_run_deployments_and_stop_together(settings):
    write_frames("sample", sample_frames(), settings)
    prefect_port, mlflow_port = free_port(), free_port()
    with running_up(prefect_port, mlflow_port, settings) as process:
        family = psutil.Process(process.pid).children(recursive=True)
        addresses = running_servers(settings)
        assert addresses == {
            "prefect": f"http://{HOST}:{prefect_port}/api",
            "mlflow": f"http://{HOST}:{mlflow_port}",
        }

        with temporary_settings({PREFECT_API_URL: addresses["prefect"]}), get_client(sync_client=True) as client:
            deployed = {deployment.name: deployment for deployment in client.read_deployments()}
            assert set(deployed) == set(FLOWS)
            assert all(deployment.work_pool_name == WORK_POOL for deployment in deployed.values())
            assert client.read_global_concurrency_limit_by_name(LOADER_LIMIT).limit == 1

            summary = run("publish/publish")
            assert summary["where"]["published"] == str(settings.published_file)
            assert "features" in catalogue(settings)["name"]

            Flow.from_source(str(ROOT), "tests/flows/probe.py:probe").deploy(
                "probe", work_pool_name=WORK_POOL, print_next_steps=False
            )
            found_version, found_file = run("probe/probe").split()
            assert found_version == distribution("mlflow").version
            assert found_file == str(distribution("mlflow").locate_file("mlflow/__init__.py"))

        family += [child for child in psutil.Process(process.pid).children(recursive=True) if child not in family]
        assert len(family) >= 3
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
        assert psutil.wait_procs(family, timeout=5)[1] == []
    assert not running_servers_file(settings).exists()
    assert not answers(f"{addresses['prefect']}/health")


def test_servers_that_are_gone_are_not_taken_for_running(settings):
    file = running_servers_file(settings)
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"prefect": f"http://{HOST}:{free_port()}/api"}))
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
