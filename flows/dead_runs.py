"""Dead runs: a flow run whose process has died is set to Crashed, with the reason in its log, and its slot is released.

A flow run's process holds a lock for as long as it lives (`flows.steps.be_alive`). Prefect notices the end of a process
only through its worker: it doesn't notice a run that is killed together with its worker, or a killed
`kaleidoscope run`. MLflow notices no dead run.

A process can be looked for on its own machine only. A run that another machine's worker has taken, or whose process is
there, is left to that machine: the worker labels a run with its name, and the run's process with its machine's.
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
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Crashed

from flows import MACHINE
from flows.servers import environment_of
from tasks.errors import UserError
from tasks.liveness import Holder, holder_of, is_held, left_by_the_dead, machine_name
from tasks.settings import Settings
from tasks.storage import remove_all_leftovers
from tasks.tracking import store as tracking_store

GRACE = timedelta(seconds=40)
"""How long a run may have neither a lock nor a process: while a worker starts it, or when it has just begun."""
GOING_ON = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
UNFINISHED = [*GOING_ON, StateType.SCHEDULED, StateType.PAUSED]
OF_WORKER = "prefect.worker.name"
"""Label that Prefect's worker gives a run; `up` names its worker by its machine."""
PAGE = 200  # the most that Prefect returns per request


def clear_leftovers(settings: Settings) -> None:
    """Delete the temporary files of killed writers. A publisher's are protected by the warehouse lock that it holds."""
    remove_all_leftovers(settings.data_dir, {settings.published_file.parent: settings.warehouse_lock})


def end_dead_runs(client: SyncPrefectClient, settings: Settings, *, owns_server: bool) -> list[str]:
    """End the runs of a Prefect server and of MLflow whose process has died; return a line of text for each.

    owns_server: the Prefect server belongs to this data folder, so its slots are checked, and all its runs but those of
    other machines. On any other server only runs are checked that have left a lock in this data folder.
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
        ended.append(f"can't end MLflow runs whose process has died: {error}")
    return ended


def dead_runs(client: SyncPrefectClient, settings: Settings, *, owns_server: bool) -> Iterator[tuple[FlowRun, str]]:
    """Yield each run whose state says that it goes on although its process has died, with the reason to log."""
    locks = {UUID(path.stem): path for path in _run_locks(settings)}
    processes: set[UUID] | None = None
    for run in _runs(client, GOING_ON, None if owns_server else locks):
        lock = locks.get(run.id)
        if lock is None and (is_held(settings.running_dir / f"{run.id}.lock") or _is_elsewhere(run, settings)):
            continue
        # a run that is retried has the lock of its first process until its new process has started
        if (lock is None or _state(run).is_pending()) and _is_young(run):
            continue
        processes = _runs_with_a_process() if processes is None else processes
        # a run that succeeded has got its final state before it released its lock: read the state again
        if run.id not in processes and _state(client.read_flow_run(run.id)).id == _state(run).id:
            yield run, _reason(holder_of(lock) if lock else None)


def _is_elsewhere(run: FlowRun, settings: Settings) -> bool:
    """Whether another machine has taken a run; one that begins again may be on another machine than before."""
    worker = run.labels.get(OF_WORKER)
    machine = worker if _state(run).is_pending() else run.labels.get(MACHINE, worker)
    return machine not in (None, machine_name(settings.data_dir))


def slots_without_a_run(client: SyncPrefectClient) -> Iterator[tuple[str, int]]:
    """Yield the deployments' concurrency limits with more slots taken than runs going on, and how many more.

    Prefect keeps the owners of slots in memory and the number of taken slots in its database. When the server is
    killed, the slots of runs that end before it is back stay taken.
    """
    taken = {limit.name: limit for limit in _taken(client)}
    if not taken:
        return
    # count the runs before and after the slots are read: a run that has a slot is among them
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
    """Return the lock files of flow runs whose process has died."""
    locks = []
    for path in left_by_the_dead(settings.running_dir):
        with suppress(ValueError):
            locks.append((UUID(path.stem), path)[1])
    return locks


def _runs(
    client: SyncPrefectClient, states: list[StateType] | None, ids: Iterable[UUID] | None = None
) -> list[FlowRun]:
    run_filter = FlowRunFilter(
        state=states and FlowRunFilterState(type=FlowRunFilterStateType(any_=states)),
        id=None if ids is None else FlowRunFilterId(any_=list(ids)),
    )
    runs: list[FlowRun] = []
    while len(page := client.read_flow_runs(flow_run_filter=run_filter, limit=PAGE, offset=len(runs))) == PAGE:
        runs += page
    return runs + page


def _state(run: FlowRun) -> State:
    assert run.state is not None, "a server gives every run a state"
    return run.state


def _is_young(run: FlowRun) -> bool:
    # a state in the future was set before the clock was set back
    return timedelta(0) <= datetime.now(UTC) - _state(run).timestamp < GRACE


def _runs_with_a_process() -> set[UUID]:
    """Return the flow runs that a worker has started and whose process lives; its environment names the run."""
    runs = set()
    for process in psutil.process_iter():
        with suppress(ValueError):
            runs.add(UUID(environment_of(process).get("PREFECT__FLOW_RUN_ID", "")))
    return runs


def _reason(holder: Holder | None) -> str:
    process = f"its process (PID {holder.pid} on {holder.host})" if holder else "its process"
    return f"{process} died without reporting an end; noticed at {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _crash(client: SyncPrefectClient, run: FlowRun, reason: str) -> None:
    only_this = FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
    unfinished = TaskRunFilter(state=TaskRunFilterState(type=TaskRunFilterStateType(any_=UNFINISHED)))
    # a task run that has ended no longer matches the filter
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
    """Delete the locks of runs that have their final state.

    The lock of a run that this server doesn't know stays: the run belongs to another server.
    """
    if locks := {UUID(path.stem): path for path in _run_locks(settings)}:
        for run in _runs(client, None, locks):
            if _state(run).is_final():
                locks[run.id].unlink(missing_ok=True)
