"""What all flows share: scheduling of steps, progress reports, a run's lock, its summary and its row in `runs`."""

import re
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial, wraps
from inspect import signature
from itertools import takewhile
from pathlib import Path
from threading import Event, Thread
from typing import Any, ParamSpec, TypeVar, cast
from uuid import UUID

import httpx
import polars
from prefect import Task, flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from prefect.cache_policies import INPUTS, RUN_ID, TASK_SOURCE
from prefect.client.orchestration import get_client
from prefect.futures import as_completed
from prefect.logging.loggers import flow_run_logger
from prefect.runtime import flow_run
from prefect.tasks import exponential_backoff
from pydantic import BaseModel, ConfigDict, Field

from flows import MACHINE
from flows.names import add_tags, run_name
from flows.runners import ConfiguredTaskRunner, lost_worker
from flows.terminal import print_line, progress_bar
from tasks.errors import UserError
from tasks.liveness import Holder, alive, machine_name
from tasks.progress import Progress as Listener
from tasks.provenance import FlowRun, current_run, made_in
from tasks.quarantine import SetAside, in_quarantine
from tasks.settings import Settings
from tasks.staging import stage_tables
from tasks.storage import check_can_be_written, disk_problem

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")
ARTIFACT_SECONDS = 2.0
_interrupted: ContextVar[Event | None] = ContextVar("interrupted", default=None)
"""Set when the function is interrupted that this one is called side by side with."""


def _is_passing(_task, _run, state) -> bool:
    """Whether a retry may help: after a failure of input or output, unless the disk is full or read-only."""
    error = state.result(raise_on_failure=False)
    return isinstance(error, OSError) and not disk_problem(error)


# Across runs, content keys are the cache: they hash the inputs and the code version, and the files are checked. A
# second cache in Prefect would still count a shard as done that was deleted since. So Prefect's cache holds within one
# run only: a retry continues after the last step that succeeded. Results are JSON, as Prefect's default is pickle.
RESULT: dict[str, Any] = {"persist_result": True, "result_serializer": "json"}
STEP: dict[str, Any] = {
    "cache_policy": (INPUTS + TASK_SOURCE + RUN_ID) - "progress",
    "retries": 3,
    "retry_delay_seconds": exponential_backoff(backoff_factor=2),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": _is_passing,
    **RESULT,
}


def step(work: Callable[P, R], **options: Any) -> Task[P, R]:
    """Return the Prefect task of a function; options of Prefect's `task` replace those of STEP."""
    return task(**STEP | options)(work)


def as_holder() -> Holder:
    """Describe the current flow run as the holder of a lock, for processes that wait for it."""
    return Holder(name=f"flow run {flow_run.id}", does=flow_run.flow_name)


def running_lock(run: UUID | str, settings: Settings) -> Path:
    """Return the lock file that a flow run's process holds for as long as it lives."""
    return settings.running_dir / f"{run}.lock"


_lives: dict[UUID, ExitStack] = {}


def be_alive(flow, run, state) -> None:
    """Take the lock of a run that begins. It is held until the run has its final state or its process dies."""
    life = _lives.setdefault(run.id, ExitStack())
    life.enter_context(alive(running_lock(run.id, Settings()), Holder(name=f"flow run {run.id}", does=flow.name)))


def say_where(flow, run, state) -> None:
    """Label a run that begins with its machine, for `flows.dead_runs` on other machines."""
    with get_client(sync_client=True) as client:
        client.update_flow_run_labels(run.id, {MACHINE: machine_name(Settings().data_dir)})


def end_life(flow, run, state) -> None:
    """Release the lock of a run that has its final state. A run that crashes keeps it until its process ends."""
    _lives.pop(run.id, ExitStack()).close()


def log_reason(flow, run, state) -> None:
    """Log the reason of a failed run as one line; Prefect's own line is followed by a traceback."""
    error = state.result(raise_on_failure=False)
    flow_run_logger(run, flow).error(str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}")


kaleidoscope_flow: Callable[..., Any] = partial(  # mypy does not follow a partial of the overloaded `flow`
    flow,
    task_runner=ConfiguredTaskRunner(),
    flow_run_name=run_name,
    on_running=[be_alive, say_where, add_tags],
    on_completion=[end_life],
    on_failure=[end_life, log_reason],
    **RESULT,
)


def say(message: str) -> None:
    """Print a line to the terminal (stderr) and write it to the current run's log."""
    print_line(message)
    get_run_logger().warning(message)


@contextmanager
def reported(label: str) -> Iterator[Listener]:
    """Report progress as a bar in the terminal and as a progress artifact of the current flow run.

    Yields the function to call with (done, total). A step that takes less than ARTIFACT_SECONDS has no artifact; that
    of a longer one is updated every ARTIFACT_SECONDS at most.
    """
    key = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")
    artifact: UUID | None = None
    last, interrupted = time.monotonic(), _interrupted.get()
    with progress_bar(label) as bar:

        def listener(done: int, total: int) -> None:
            nonlocal artifact, last
            if interrupted and interrupted.is_set():
                raise KeyboardInterrupt
            bar(done, total)
            if time.monotonic() - last >= ARTIFACT_SECONDS:
                last = time.monotonic()
                with suppress(httpx.HTTPError):  # a lost progress report must not stop the work
                    if artifact is None:
                        # a coroutine only where an event loop runs
                        artifact = cast(UUID, create_progress_artifact(100 * done / total, key=key, description=label))
                    else:
                        update_progress_artifact(artifact, 100 * done / total)

        yield listener
    if artifact is not None:
        update_progress_artifact(artifact, 100.0)


def mapped(label: str, work: Callable[..., R], units: Sequence[tuple]) -> list[R]:
    """Run `work(*unit, settings)` for each unit as a task on the settings' task runner; return the results in order.

    label: of the progress report, which counts units. work: a function of a module. A worker uses the settings of its
    own machine. Units and results are keys, numbers and configs, because they may go to another machine. Raises what
    the first unit that fails raises, and UserError when the task runner can't be started or a worker was killed.
    """
    import torch

    there = step(_in_worker(work, current_run(), torch.get_num_threads()))
    with reported(label) as progress:
        futures = [there.submit(*unit) for unit in units]
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                future.result()
                progress(done, len(units))
        except Exception as error:
            if message := lost_worker(error):
                raise UserError(message) from error
            raise
    return [future.result() for future in futures]


def _in_worker(work: Callable[..., R], run: FlowRun | None, threads: int) -> Callable[..., R]:
    """Return the function that a worker calls: it computes with as many threads as the flow, and knows its run.

    The last bit of a convolution can depend on the number of threads.
    """

    @wraps(work)
    def there(*unit: Any) -> R:
        import torch

        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        if run is None or current_run():  # a thread of the flow's process
            return work(*unit, Settings())
        with made_in(run.flow_run_id):
            return work(*unit, Settings())

    of_work = signature(work)
    of_unit = takewhile(lambda name: name != "settings", of_work.parameters)
    there.__signature__ = of_work.replace(  # type: ignore[attr-defined]
        parameters=[of_work.parameters[name] for name in of_unit]
    )
    return there


def side_by_side(first: Callable[[], R], second: Callable[[], S]) -> tuple[R, S]:
    """Call two functions at the same time, each with half of PyTorch's threads; return both results.

    Much of a study keeps one core busy. Both functions know the current run. Raises what the first raises, else what
    the second raises, when both have ended. An interrupt ends the second at its next progress report.
    """
    import torch

    ended: Future[S] = Future()

    def there() -> None:
        try:
            ended.set_result(second())
        except BaseException as error:
            ended.set_exception(error)

    interrupted, context = Event(), copy_context()
    context.run(_interrupted.set, interrupted)
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads // 2))
    Thread(target=context.run, args=(there,), daemon=True).start()
    try:
        return first(), ended.result()
    except BaseException as error:
        if not isinstance(error, Exception):
            interrupted.set()
        wait([ended])
        raise
    finally:
        torch.set_num_threads(threads)


class Summary(BaseModel):
    """The result of a flow run, returned and shown at its end."""

    model_config = ConfigDict(frozen=True)

    title: str
    content_keys: dict[str, str] = Field({}, description="content keys by name")
    figures: dict[str, str] = Field({}, description="measured values by name")
    places: dict[str, str] = Field(
        {}, description="paths, addresses, MLflow runs and commands where the results can be seen"
    )
    missing: dict[str, str] = Field(
        {}, description="what was not published because it was set aside or waits for other rows, with the reason"
    )
    failures: dict[str, str] = Field({}, description="what failed while the rest of the run continued, with the reason")

    def markdown(self) -> str:
        rows = [f"| {name} | {value} |" for name, value in self.figures.items()]
        table = ["| | |", "| --- | ---: |", *rows, ""] if rows else []
        keys = [f"* {name}: `{key}`" for name, key in self.content_keys.items()]
        places = [f"* {name}: {_place(place)}" for name, place in self.places.items()]
        missing = [f"* **not published** {name}: {reason}" for name, reason in self.missing.items()]
        failures = [f"* **failed** {name}: {reason}" for name, reason in self.failures.items()]
        return "\n".join([f"# {self.title}", "", *table, *keys, *places, *missing, *failures])


def _place(place: str) -> str:
    """Return Markdown for a place: a link where it is an address."""
    return f"<{place}>" if place.startswith(("http://", "https://")) else f"`{place}`"


def show(summary: Summary) -> Summary:
    """Save the summary as the flow run's Markdown artifact and return it."""
    create_markdown_artifact(summary.markdown(), key="summary", description=summary.title)
    return summary


@dataclass
class Measured:
    """Time and memory that a run took, what it set aside, and where MLflow has what it made.

    All are filled in when its `recorded` block ends.
    """

    seconds: float = 0.0
    peak_memory_bytes: int = 0
    set_aside: tuple[SetAside, ...] = ()
    places: dict[str, str] = field(default_factory=dict)

    def figures(self) -> dict[str, str]:
        minutes, seconds = divmod(round(self.seconds), 60)
        cost = {"time": f"{minutes} min {seconds} s", "peak memory": f"{self.peak_memory_bytes / 2**30:.2f} GiB"}
        return cost | {f"set aside: {damaged.came_from}": damaged.reason for damaged in self.set_aside}


@contextmanager
def recorded(flow_name: str, config: BaseModel, settings: Settings) -> Iterator[Measured]:
    """Measure the block, and stage a row for the table `runs` when it succeeds.

    Raises UserError when the data folder can't be written.
    """
    check_can_be_written(settings.data_dir)
    started_at, started = datetime.now(UTC).replace(tzinfo=None), time.perf_counter()
    before = set(in_quarantine(settings))
    measured, run = Measured(), str(flow_run.id)
    with made_in(run) as going_on:
        yield measured
    measured.places = going_on.places
    measured.set_aside = tuple(damaged for damaged in in_quarantine(settings) if damaged not in before)
    measured.seconds = time.perf_counter() - started
    # kilobytes on Linux, bytes on macOS
    measured.peak_memory_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )
    row = {
        "flow_run_id": run,
        "flow": flow_name,
        "started_at": started_at,
        "seconds": measured.seconds,
        "peak_memory_bytes": measured.peak_memory_bytes,
        "git_revision": going_on.git_revision,
        "config": config.model_dump_json(),
    }
    stage_tables(run, {"runs": polars.DataFrame([row], schema_overrides={"git_revision": polars.String})}, settings)
