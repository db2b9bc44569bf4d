"""Runs made through the API of a real server, their processes played by locks and by a process that is killed."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prefect import flow, task
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from prefect.client.schemas.objects import StateType
from prefect.logging.handlers import APILogWorker
from prefect.states import Completed, Pending, Running, Scheduled

from flows import MACHINE, dead_runs
from flows.dead_runs import OF_WORKER, end_dead_runs, slots_without_a_run
from flows.servers import HOST, free_port
from flows.steps import kaleidoscope_flow, running_lock
from tasks.errors import UserError
from tasks.liveness import Holder, alive, is_held, machine_name
from tasks.tracking.store import MLFLOW_LOCK, tracking

pytestmark = pytest.mark.usefixtures("prefect_api")

DIES = """
import sys, time
from pathlib import Path
from tasks.liveness import Holder, alive
with alive(Path(sys.argv[1]), Holder(name="flow run", does="publish")):
    print("alive", flush=True)
    time.sleep(600)
"""


@flow
def publish() -> None:
    """Never called: its runs are made through the API."""


@task
def load() -> None:
    """As little."""


@pytest.fixture
def client():
    with get_client(sync_client=True) as client:
        yield client


@pytest.fixture(autouse=True)
def own_runs_only(client):
    """The server has seen other tests' runs, which end here."""
    for run in dead_runs._runs(client, dead_runs.GOING_ON):
        client.set_flow_run_state(run.id, Completed(), force=True)


def make_run(client: SyncPrefectClient, state):
    return client.create_flow_run(publish, state=state).id


def state_of(client: SyncPrefectClient, run):
    return client.read_flow_run(run).state


def killed_with_a_lock(run, settings) -> int:
    path = running_lock(run, settings)
    process = subprocess.Popen([sys.executable, "-c", DIES, str(path)], stdout=subprocess.PIPE)
    process.stdout.readline()
    process.kill()
    process.communicate()
    return process.pid


@pytest.mark.parametrize("owns_server", [True, False])
def test_a_run_whose_process_was_killed_ends_as_crashed_with_its_reason(owns_server, client, settings):
    run = make_run(client, Running())
    step = client.create_task_run(load, run, "0", state=Running()).id
    pid = killed_with_a_lock(run, settings)
    [said] = end_dead_runs(client, settings, owns_server=owns_server)
    state = state_of(client, run)
    assert state.type == StateType.CRASHED
    assert state.message.startswith(f"its process (PID {pid} on ")
    assert " died without reporting an end; noticed at " in state.message
    assert said.endswith(state.message)
    assert client.read_task_run(step).state.type == StateType.CRASHED
    [log] = client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run])))
    assert (log.level, log.message) == (40, state.message)
    assert not running_lock(run, settings).exists()
    assert end_dead_runs(client, settings, owns_server=owns_server) == []


@pytest.fixture
def no_grace(monkeypatch):
    monkeypatch.setattr(dead_runs, "GRACE", timedelta(0))


@pytest.mark.parametrize("state", [Running, Pending])
def test_a_run_that_never_had_a_lock_ends_once_its_grace_is_over_on_our_server_only(
    state, client, settings, monkeypatch
):
    run = make_run(client, state())
    assert end_dead_runs(client, settings, owns_server=True) == []
    monkeypatch.setattr(dead_runs, "GRACE", timedelta(0))
    assert end_dead_runs(client, settings, owns_server=False) == []
    assert len(end_dead_runs(client, settings, owns_server=True)) == 1
    assert state_of(client, run).type == StateType.CRASHED


@pytest.mark.parametrize(("age", "young"), [(5, True), (-3600, False), (3600, False)])
def test_a_state_of_the_future_is_from_before_the_clock_was_set_back(age, young, client):
    run = client.read_flow_run(make_run(client, Running()))
    run.state.timestamp = datetime.now(UTC) - timedelta(seconds=age)
    assert dead_runs._is_young(run) is young


@pytest.mark.usefixtures("no_grace")
@pytest.mark.parametrize(
    ("state", "worker", "process", "ends"),
    [
        (Pending, "other", None, False),
        (Running, "other", None, False),  # it has just begun
        (Running, None, "other", False),
        (Running, "here", "here", True),
        (Pending, "here", "other", True),  # a worker here begins it again
        (Running, "other", "here", True),
        (Running, None, None, True),
    ],
)
def test_a_run_of_another_machine_is_left_to_that_machine(state, worker, process, ends, client, settings):
    run = make_run(client, state())
    names = {"here": machine_name(settings.data_dir), "other": machine_name(settings.data_dir / "other")}
    labels = {OF_WORKER: worker, MACHINE: process}
    client.update_flow_run_labels(run, {label: names[where] for label, where in labels.items() if where})
    assert len(end_dead_runs(client, settings, owns_server=True)) == ends
    assert (state_of(client, run).type == StateType.CRASHED) == ends


@pytest.mark.usefixtures("no_grace")
def test_a_run_that_lives_or_waits_stays(client, settings):
    living, waiting = make_run(client, Running()), make_run(client, Scheduled())
    with alive(running_lock(living, settings), Holder(name="flow run", does="publish")):
        assert end_dead_runs(client, settings, owns_server=True) == []
    assert state_of(client, living).type == StateType.RUNNING
    assert state_of(client, waiting).type == StateType.SCHEDULED


@pytest.mark.usefixtures("no_grace")
def test_a_run_that_a_worker_has_started_lives_before_it_has_a_lock(client, settings):
    run = make_run(client, Pending())
    command = [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"]
    with subprocess.Popen(command, env={"PREFECT__FLOW_RUN_ID": str(run)}, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert end_dead_runs(client, settings, owns_server=True) == []
        process.kill()
        process.wait()
    assert len(end_dead_runs(client, settings, owns_server=True)) == 1


@pytest.mark.usefixtures("no_grace")
def test_a_run_that_ends_while_it_is_judged_keeps_its_state(client, settings, monkeypatch):
    run = make_run(client, Running())

    def end_now() -> set:
        client.set_flow_run_state(run, Completed(), force=True)
        return set()

    monkeypatch.setattr(dead_runs, "_runs_with_a_process", end_now)
    assert end_dead_runs(client, settings, owns_server=True) == []
    assert state_of(client, run).type == StateType.COMPLETED


def test_a_lock_of_a_run_that_another_server_knows_stays(client, settings):
    killed_with_a_lock(uuid4(), settings)
    [lock] = settings.running_dir.glob("*.lock")
    assert end_dead_runs(client, settings, owns_server=True) == []
    assert lock.exists()


def test_slots_that_no_run_has_are_given_back(client, settings):
    deployment = client.create_deployment(
        client.create_flow(publish), f"limited-{uuid4()}", concurrency_limit=1, enforce_parameter_schema=False
    )
    limit = f"deployment:{deployment}"
    dead = client.create_flow_run_from_deployment(deployment).id
    client.set_flow_run_state(dead, Pending())
    assert client.read_global_concurrency_limit_by_name(limit).active_slots == 1
    assert list(slots_without_a_run(client)) == []
    # as a server that was killed while its run ended leaves it
    client.set_flow_run_state(dead, Completed(), force=True)
    client.increment_concurrency_slots([limit], 1, "concurrency")
    assert list(slots_without_a_run(client)) == [(limit, 1)]
    end_dead_runs(client, settings, owns_server=False)
    assert client.read_global_concurrency_limit_by_name(limit).active_slots == 1
    end_dead_runs(client, settings, owns_server=True)
    assert client.read_global_concurrency_limit_by_name(limit).active_slots == 0
    second = client.create_flow_run_from_deployment(deployment).id
    assert client.set_flow_run_state(second, Pending()).state.type == StateType.PENDING


def test_a_dead_run_gives_its_slot_back(client, settings):
    deployment = client.create_deployment(
        client.create_flow(publish), f"limited-{uuid4()}", concurrency_limit=1, enforce_parameter_schema=False
    )
    dead, next_one = (client.create_flow_run_from_deployment(deployment).id for _ in range(2))
    client.set_flow_run_state(dead, Pending())
    client.set_flow_run_state(dead, Running())
    assert client.set_flow_run_state(next_one, Pending()).state.type == StateType.SCHEDULED
    killed_with_a_lock(dead, settings)
    end_dead_runs(client, settings, owns_server=True)
    assert state_of(client, dead).type == StateType.CRASHED
    assert client.set_flow_run_state(next_one, Pending()).state.type == StateType.PENDING


def test_an_mlflow_run_whose_process_is_gone_is_killed(client, settings):
    with tracking(settings) as mlflow:
        experiment = mlflow.create_experiment("probe")
        dead, alive_one = (mlflow.create_run(experiment).info.run_id for _ in range(2))
    killed_with_a_lock(f"{MLFLOW_LOCK}{dead}", settings)
    with alive(running_lock(f"{MLFLOW_LOCK}{alive_one}", settings), Holder(name="MLflow run", does="train")):
        assert end_dead_runs(client, settings, owns_server=True) == []
        with tracking(settings) as mlflow:
            assert mlflow.get_run(dead).info.status == "KILLED"
            assert mlflow.get_run(alive_one).info.status == "RUNNING"


def test_an_mlflow_that_can_not_be_reached_is_named(client, settings):
    killed_with_a_lock(f"{MLFLOW_LOCK}abc", settings)
    elsewhere = settings.model_copy(update={"tracking_uri": f"http://{HOST}:{free_port()}"})
    [said] = end_dead_runs(client, elsewhere, owns_server=True)
    assert said.startswith("can't end MLflow runs whose process has died: MLflow at http://")


def test_a_flow_holds_its_lock_until_its_last_state(client, settings):
    seen = []

    @kaleidoscope_flow
    def looks(fails: bool) -> int:
        [lock] = settings.running_dir.glob("*.lock")
        seen.append(lock)
        assert is_held(lock)
        assert end_dead_runs(client, settings, owns_server=True) == []
        assert client.read_flow_run(lock.stem).labels[MACHINE] == machine_name(settings.data_dir)
        if fails:
            raise UserError("no images; bring some")
        return 1

    assert looks(False) == 1
    with pytest.raises(UserError):
        looks(True)
    assert not any(lock.exists() for lock in seen)
    assert [state_of(client, lock.stem).type for lock in seen] == [StateType.COMPLETED, StateType.FAILED]


def test_a_failed_run_has_its_reason_as_a_line_of_its_log(client, settings):
    @kaleidoscope_flow
    def fails(error: str) -> None:
        raise UserError("no images; bring some") if error == "user's" else ValueError("bug")

    for error, line in (("user's", "no images; bring some"), ("ours", "ValueError: bug")):
        state = fails(error, return_state=True)
        APILogWorker.drain_all()
        logs = client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[state.state_details.flow_run_id])))
        assert line in [log.message for log in logs if log.level == 40]
