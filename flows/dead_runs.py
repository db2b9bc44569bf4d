"""Runs whose process is gone: they end as Crashed, with the reason in their log, and give their slots back.

A flow run's process holds a lock for as long as it runs (`flows.steps.be_alive`). Prefect notices a run that its worker
sees end, but not one that is killed together with its worker, nor one of `kaleidoscope run` that is killed. MLflow
notices none.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from logging import ERROR
from pathlib import Path
from uuid import UUID

import psutil
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import LogCreate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    TaskRunFilter,
    TaskRunFilterState,
    TaskRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import Crashed

from flows.servers import environment_of
from tasks.errors import UserError
from tasks.liveness import Holder, holder_of, is_held, left_by_the_dead
from tasks.settings import Settings
from tasks.storage import remove_all_leftovers
from tasks.tracking import store as tracking_store

GRACE = timedelta(seconds=40)
"""How long a run may be without a lock and without a process: a worker starts it, or it has just begun."""
GOING_ON = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
UNFINISHED = [*GOING_ON, StateType.SCHEDULED, StateType.PAUSED]
PAGE = 200  # as many as Prefect hands out at a time


def clear_leftovers(settings: Settings) -> None:
    """Delete what killed writers left. Whoever publishes holds the warehouse."""
    remove_all_leftovers(settings.data_dir, {settings.published_file.parent: settings.warehouse_lock})


def end_dead_runs(client: SyncPrefectClient, settings: Settings, *, owns_server: bool) -> list[str]:
    """End the runs of a Prefect server and of MLflow whose process is gone; returns what to say.

    On a server of ours all runs are judged and all slots are counted, on another's only those runs that have had a lock
    in our data folder.
    """
    ended = []
    for run, reason in dead_runs(client, settings, owns_server=owns_server):
        _crash(client, run, reason)
        ended.append(f"ended flow run {run.name}: {reason}")
    if owns_server:
        for limit, excess in slots_without_a_run(client):
            client.release_concurrency_slots([limit], excess, occupancy_seconds=1)
    _remove_locks(client, settings)
    try:
        tracking_store.end_dead_runs(settings)
    except UserError as error:
        ended.append(f"can't end MLflow runs whose process is gone: {error}")
    return ended


def dead_runs(client: SyncPrefectClient, settings: Settings, *, owns_server: bool) -> Iterator[tuple[FlowRun, str]]:
    """The runs that are going on by their state, but not by their process; each with the reason to give."""
    locks = {UUID(path.stem): path for path in _run_locks(settings)}
    processes: set[UUID] | None = None
    for run in _runs(client, GOING_ON, None if owns_server else locks):
        lock = locks.get(run.id)
        if lock is None and is_held(settings.running_dir / f"{run.id}.lock"):
            continue
        # one that is tried again has a lock from its first life until its new process has come up
        if (lock is None or run.state.is_pending()) and _is_young(run):
            continue
        processes = _runs_with_a_process() if processes is None else processes
        # a run that ended well has had its last state before it gave its lock back
        if run.id not in processes and client.read_flow_run(run.id).state.id == run.state.id:
            yield run, _reason(lock and holder_of(lock))


def slots_without_a_run(client: SyncPrefectClient) -> Iterator[tuple[str, int]]:
    """Deployments' concurrency limits of which more slots are taken than runs go on, and how many more.

    Prefect keeps in memory who has a slot, and in its database how many are taken: when the server is killed, the slots
    of runs that ended meanwhile stay taken.
    """
    taken = {limit.name: limit for limit in _taken(client)}
    if not taken:
        return
    # whoever has a slot now is going on before or after
    before = {run.id: run for run in _runs(client, GOING_ON)}
    taken = {limit.name: limit for limit in _taken(client)}
    runs = before | {run.id: run for run in _runs(client, GOING_ON)}
    going_on = Counter(f"deployment:{run.deployment_id}" for run in runs.values())
    for name, limit in taken.items():
        if (excess := int(limit.active_slots) - going_on[name]) > 0:
            yield name, excess


def _taken(client: SyncPrefectClient) -> list:
    limits = client.read_global_concurrency_limits(limit=PAGE)
    return [limit for limit in limits if limit.name.startswith("deployment:") and limit.active_slots > 0]


def _run_locks(settings: Settings) -> list[Path]:
    """Of flow runs whose process is gone."""
    locks = []
    for path in left_by_the_dead(settings.running_dir):
        with suppress(ValueError):
            locks.append((UUID(path.stem), path)[1])
    return locks


def _runs(
    client: SyncPrefectClient, states: list[StateType] | None, ids: Iterable[UUID] | None = None
) -> list[FlowRun]:
    wanted = FlowRunFilter(
        state=states and FlowRunFilterState(type=FlowRunFilterStateType(any_=states)),
        id=None if ids is None else FlowRunFilterId(any_=list(ids)),
    )
    runs: list[FlowRun] = []
    while len(page := client.read_flow_runs(flow_run_filter=wanted, limit=PAGE, offset=len(runs))) == PAGE:
        runs += page
    return runs + page


def _is_young(run: FlowRun) -> bool:
    # a state of the future is one from before the clock was set back
    return timedelta(0) <= datetime.now(UTC) - run.state.timestamp < GRACE


def _runs_with_a_process() -> set[UUID]:
    """Flow runs that a worker has started: their processes' environment names them from their start on."""
    found = set()
    for process in psutil.process_iter():
        with suppress(ValueError):
            found.add(UUID(environment_of(process).get("PREFECT__FLOW_RUN_ID", "")))
    return found


def _reason(holder: Holder | None) -> str:
    process = f"its process (PID {holder.pid} on {holder.host})" if holder else "its process"
    return f"{process} ended without a word; noticed at {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _crash(client: SyncPrefectClient, run: FlowRun, reason: str) -> None:
    only_this = FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
    unfinished = TaskRunFilter(state=TaskRunFilterState(type=TaskRunFilterStateType(any_=UNFINISHED)))
    # each that is ended leaves the answer
    while tasks := client.read_task_runs(flow_run_filter=only_this, task_run_filter=unfinished, limit=PAGE):
        for task in tasks:
            client.set_task_run_state(task.id, Crashed(message=reason), force=True)
    client.create_logs(
        [
            LogCreate(
                name="prefect.flow_runs", level=ERROR, message=reason, timestamp=datetime.now(UTC), flow_run_id=run.id
            )
        ]
    )
    client.set_flow_run_state(run.id, Crashed(message=reason), force=True)


def _remove_locks(client: SyncPrefectClient, settings: Settings) -> None:
    """Those of runs that have their last state. A run that this server doesn't know is another server's to judge."""
    if locks := {UUID(path.stem): path for path in _run_locks(settings)}:
        for run in _runs(client, None, locks):
            if run.state.is_final():
                locks[run.id].unlink(missing_ok=True)
