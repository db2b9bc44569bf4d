import os
import socket
import subprocess
import sys

import pytest

from tasks.errors import UserError
from tasks.settings import ROOT, Settings
from tasks.tracking.runs import log_training
from tasks.tracking.store import create_store, server_command, tracking
from tests.tasks.tracking.conftest import write_dictionary

LOG = "import sys; from tasks.settings import Settings; from tasks.tracking.runs import log_training; "
LOG += "log_training(sys.argv[1], Settings())"


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_two_processes_that_start_at_once_share_one_whole_store(tmp_path):
    settings = Settings(data_dir=tmp_path, tracking_uri=None)
    settings.mlflow_dir.mkdir()
    (settings.mlflow_dir / ".tmp-killed-mlflow.db").write_bytes(b"half a store")
    keys = ["1" * 64, "2" * 64]
    for key in keys:
        write_dictionary(key, settings)
    environment = {name: value for name, value in os.environ.items() if name != "KALEIDOSCOPE_TRACKING_URI"}
    environment["KALEIDOSCOPE_DATA_DIR"] = str(tmp_path)
    processes = [
        subprocess.Popen([sys.executable, "-c", LOG, key], cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
        for key in keys
    ]
    errors = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors

    with tracking(settings) as client:
        (experiment,) = [found for found in client.search_experiments() if found.name == "efficientnet_lite0/blocks.5"]
        runs = client.search_runs([experiment.experiment_id])
    assert {run.data.tags["dictionary"] for run in runs} == set(keys)
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert not list(settings.mlflow_dir.glob(".tmp-*"))


def test_a_store_that_is_there_is_left_alone(settings):
    database = settings.mlflow_dir / "mlflow.db"
    create_store(settings)  # the fixture copied it from another folder
    before = database.read_bytes()
    create_store(settings)
    assert database.read_bytes() == before


def test_an_absent_server_is_one_line_and_nothing_written(tmp_path):
    uri = f"http://someone:secret@127.0.0.1:{closed_port()}"
    settings = Settings(data_dir=tmp_path, tracking_uri=uri)
    write_dictionary("d" * 64, settings)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match="KALEIDOSCOPE_TRACKING_URI") as caught:
        log_training("d" * 64, settings)
    assert "\n" not in str(caught.value)
    assert uri.split("@")[1] in str(caught.value)
    assert "secret" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_store_that_is_no_database_is_one_line(settings):
    (settings.mlflow_dir / "mlflow.db").write_bytes(b"not a database, " * 100)
    with pytest.raises(UserError, match="MLflow at sqlite:") as caught, tracking(settings):
        pass
    assert "\n" not in str(caught.value)


def test_server_runs_on_loopback_on_the_settings_store(settings):
    arguments, environment = server_command(settings, 5050)
    assert arguments[arguments.index("--backend-store-uri") + 1] == settings.mlflow_tracking_uri
    assert environment["MLFLOW_HOST"] == "127.0.0.1"
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert "--http=tasks.tracking.guarded:GuardedProtocol" in environment["MLFLOW_UVICORN_OPTS"]
