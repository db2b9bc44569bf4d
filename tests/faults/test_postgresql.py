"""Prefect and MLflow on PostgreSQL: `up` and `run` leave nothing in SQLite, and the care commands say where it is."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from prefect.deployments import run_deployment
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.servers import running_servers
from tasks.errors import UserError
from tasks.maintenance.inventory import keys_in_mlflow
from tasks.settings import ROOT, Settings
from tasks.staging import stage_tables
from tasks.tracking.store import tracking
from tests.faults.services import running_up
from tests.postgresql import new_database, postgresql, rows
from tests.processes import environment_for
from tests.sample_tables import sample_tables

pytestmark = pytest.mark.faults
RUN_SECONDS = 600
MAIN = [sys.executable, "-c", "from flows.cli import main; main()"]
KEY = "ab" * 32

# Two processes reach a database without tables at the same moment.
FIRST = """
import sys
from tasks.settings import Settings
from tasks.tracking.store import tracking

sys.stdin.readline()
with tracking(Settings()) as client:
    client.create_experiment(sys.argv[1])
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql() as url:
        yield url


@pytest.fixture
def stores(server, monkeypatch) -> Iterator[dict[str, str]]:
    """The variables of a user with two empty databases, which are also in this process's environment."""
    with new_database(server, "asyncpg") as prefect, new_database(server, "psycopg") as mlflow:
        variables = {"PREFECT_API_DATABASE_CONNECTION_URL": prefect, "KALEIDOSCOPE_TRACKING_URI": mlflow}
        for name, url in variables.items():
            monkeypatch.setenv(name, url)
        yield variables


def kaleidoscope(settings: Settings, stores: dict[str, str], *arguments: str) -> subprocess.CompletedProcess:
    environment = environment_for(settings) | stores
    return subprocess.run([*MAIN, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True)


def test_up_and_run_use_both_databases_and_no_file(settings, stores):
    stage_tables("sample", sample_tables(), settings)
    with running_up(settings, stores) as process:
        with temporary_settings({PREFECT_API_URL: running_servers(settings)["prefect"]}):
            assert run_deployment("publish/publish", timeout=RUN_SECONDS).state.is_completed()
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
    ended = kaleidoscope(settings, stores, "run", "publish")
    assert ended.returncode == 0, ended.stderr
    assert settings.published_file.exists()
    runs = "SELECT state_type::text, count(*) FROM flow_run WHERE state_type <> 'SCHEDULED' GROUP BY 1"
    assert rows(stores["PREFECT_API_DATABASE_CONNECTION_URL"], runs) == [("COMPLETED", 2)]
    assert (
        rows(stores["PREFECT_API_DATABASE_CONNECTION_URL"], "SELECT * FROM concurrency_limit_v2 WHERE active_slots > 0")
        == []
    )
    assert rows(stores["KALEIDOSCOPE_TRACKING_URI"], "SELECT count(*) FROM experiments") == [(1,)]
    assert not [*settings.data_dir.rglob("prefect.db*"), *settings.data_dir.rglob("mlflow.db*")]


def test_two_processes_create_the_tables_of_mlflow_at_once(settings, stores):
    environment = environment_for(settings) | stores
    command = [sys.executable, "-c", FIRST]
    first = [
        subprocess.Popen([*command, name], env=environment, cwd=ROOT, text=True, stdin=-1, stdout=-1, stderr=-1)
        for name in ("one", "other")
    ]
    for process in first:
        process.stdin.write("\n")
        process.stdin.flush()
    ended = [process.communicate() for process in first]
    assert [process.returncode for process in first] == [0, 0], ended
    names = rows(stores["KALEIDOSCOPE_TRACKING_URI"], "SELECT name FROM experiments ORDER BY name")
    assert names == [("Default",), ("one",), ("other",)]


def test_the_care_commands_say_where_the_databases_are(settings, stores, tmp_path):
    settings.dictionaries_dir.mkdir(parents=True)
    with tracking(Settings()) as client:
        client.create_registered_model("model")
        client.create_model_version("model", "file:///nowhere", tags={"dictionary": KEY})
    ended = kaleidoscope(settings, stores, "backup", str(tmp_path / "backup"))
    assert ended.returncode == 0, ended.stderr
    for name, variable in (("MLflow", "KALEIDOSCOPE_TRACKING_URI"), ("Prefect", "PREFECT_API_DATABASE_CONNECTION_URL")):
        where = stores[variable].replace("postgres@", "")
        line = f"kaleidoscope: {name}'s database is not in this backup: back up {where} with its own tools\n"
        assert line in ended.stderr
    doctor = " ".join(kaleidoscope(settings, stores, "doctor").stdout.split())
    assert "MLflow store │ ok │ postgresql+psycopg://" in doctor
    assert "Prefect's database │ ok │ postgresql+asyncpg://" in doctor
    gone = {name: f"{url}_gone" for name, url in stores.items()}
    doctor = " ".join(kaleidoscope(settings, gone, "doctor").stdout.split())
    assert "MLflow store │ missing │" in doctor
    assert "Prefect's database │ missing │" in doctor
    assert "Traceback" not in doctor


def test_gc_keeps_what_a_registered_model_refers_to(settings, stores):
    assert keys_in_mlflow(Settings()) == set()  # no tables yet
    with tracking(Settings()) as client:
        client.create_registered_model("model")
        client.create_model_version("model", "file:///nowhere", tags={"dictionary": KEY})
    assert keys_in_mlflow(Settings()) == {KEY}
    settings.dictionaries_dir.mkdir(parents=True)
    gone = {"KALEIDOSCOPE_TRACKING_URI": f"{stores['KALEIDOSCOPE_TRACKING_URI']}_gone"}
    ended = kaleidoscope(settings, gone, "gc", "--delete")
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].startswith("kaleidoscope: can't read MLflow's database postgresql+psycopg://")


def test_a_missing_driver_is_one_line(settings, monkeypatch):
    monkeypatch.setenv("KALEIDOSCOPE_TRACKING_URI", "postgresql+psycopg://localhost/runs")
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with (
        pytest.raises(UserError, match=r"^the driver .*psycopg.*: install kaleidoscope\[postgresql\]$"),
        tracking(Settings()),
    ):
        pass
