"""`kaleidoscope up` while a deployment runs: kill -9 of it or of one of its servers, and another start."""

import sqlite3
import time
from contextlib import closing

import psutil
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import StateType
from prefect.flows import Flow
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows import WORK_POOL
from flows.doctor import examine
from flows.servers import STARTED_BY, environment_of, running_servers
from flows.steps import running_lock
from tasks.liveness import is_held
from tasks.settings import ROOT, Settings
from tests.faults.services import running_up

pytestmark = pytest.mark.faults

WAIT_SECONDS = 300
VICTIMS = {"worker": "worker start", "Prefect server": "create_app", "MLflow server": "mlflow server"}


def wait_until(holds, what: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def ours(settings: Settings) -> list[psutil.Process]:
    """What was started for a data folder and lives."""
    folder = str(settings.data_dir)
    return [
        process
        for process in psutil.process_iter()
        if environment_of(process).get(STARTED_BY, "").startswith(folder) and process.status() != psutil.STATUS_ZOMBIE
    ]


def command_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def start_a_run(client: SyncPrefectClient, settings: Settings):
    """A run of the sleeper that has its slot, its lock and a task that is going on."""
    [deployment] = [found for found in client.read_deployments() if found.name == "sleeper"]
    run = client.create_flow_run_from_deployment(deployment.id).id
    wait_until(lambda: is_held(running_lock(run, settings)), "a run of the sleeper begins")
    wait_until(lambda: "RUNNING" in states(settings, "task_run"), "its task begins")
    return run


def states(settings: Settings, table: str) -> list[str]:
    with closing(sqlite3.connect(settings.data_dir / "prefect" / "prefect.db", timeout=60)) as database:
        return [state for (state,) in database.execute(f"SELECT state_type FROM {table}").fetchall()]


def slots(settings: Settings) -> list[int]:
    with closing(sqlite3.connect(settings.data_dir / "prefect" / "prefect.db", timeout=60)) as database:
        query = "SELECT active_slots FROM concurrency_limit_v2 WHERE active_slots > 0"
        return [taken for (taken,) in database.execute(query).fetchall()]


@pytest.mark.parametrize("victim", ["everything", "up", *VICTIMS])
def test_after_a_kill_no_run_goes_on_and_no_process_stays(victim, settings):
    with running_up(settings) as up:
        api = {PREFECT_API_URL: running_servers(settings)["prefect"]}
        with temporary_settings(api), get_client(sync_client=True) as client:
            Flow.from_source(str(ROOT), "tests/faults/sleeper.py:sleeper").deploy(
                "sleeper", work_pool_name=WORK_POOL, concurrency_limit=1, print_next_steps=False
            )
            run = start_a_run(client, settings)
        assert slots(settings) == [1]
        assert [one.subject for one in examine(settings) if one.state == "stuck"] == []

        if victim in VICTIMS:
            [killed] = [
                process for process in psutil.Process(up.pid).children() if VICTIMS[victim] in command_of(process)
            ]
            killed.kill()
            said = up.communicate()[0]
            assert up.returncode == 2
            assert f"kaleidoscope: {victim} ended with code -9; see " in said
            assert ours(settings) == []
        else:
            for process in [psutil.Process(up.pid), *(ours(settings) if victim == "everything" else [])]:
                process.kill()
            up.wait()

    if victim == "everything":
        stuck = {one.subject for one in examine(settings) if one.state == "stuck"}
        assert stuck == {f"flow run {run}"}

    with running_up(settings):
        api = {PREFECT_API_URL: running_servers(settings)["prefect"]}
        with temporary_settings(api), get_client(sync_client=True) as client:
            wait_until(lambda: client.read_flow_run(run).state.is_final(), "the run has ended")
            assert client.read_flow_run(run).state.type in (StateType.CRASHED, StateType.FAILED, StateType.CANCELLED)
            wait_until(lambda: set(states(settings, "task_run")) <= {"CRASHED", "FAILED", "CANCELLED"}, "its tasks too")
            assert slots(settings) == []
            again = start_a_run(client, settings)
            assert client.read_flow_run(again).state.type == StateType.RUNNING
    wait_until(lambda: ours(settings) == [], "nothing is left")
