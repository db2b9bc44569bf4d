"""The task runners that mapped steps run on, chosen by the setting KALEIDOSCOPE_TASK_RUNNER."""

from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from typing import Any

from prefect.futures import PrefectFuture
from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from tasks.errors import UserError
from tasks.liveness import worker_dies_with_parent
from tasks.settings import Settings

CONNECT_SECONDS = 20


class ConfiguredTaskRunner(TaskRunner[PrefectFuture[Any]]):
    """Starts the settings' task runner when a flow run submits its first task, and stops it when the run ends."""

    def __init__(self) -> None:
        super().__init__()
        self._started_runner = ExitStack()
        self._runner: TaskRunner | None = None

    def duplicate(self) -> "ConfiguredTaskRunner":
        """Return a runner for another flow run."""
        return type(self)()

    def submit(self, task, parameters, wait_for=None, dependencies=None):  # type: ignore[no-untyped-def, override]
        """Submit a task. Raises UserError when the settings' runner can't be started."""
        if self._runner is None:
            self._runner = self._started_runner.enter_context(_task_runner(Settings()))
        return self._runner.submit(task, parameters, wait_for, dependencies)

    def __exit__(self, *error: Any) -> None:
        self._started_runner.__exit__(*error)
        super().__exit__(*error)


def _task_runner(settings: Settings) -> TaskRunner:
    match settings.task_runner:
        case "threads":
            return ThreadPoolTaskRunner(max_workers=settings.workers)
        case "processes":
            return ProcessPoolTaskRunner(max_workers=settings.workers, initializer=worker_dies_with_parent)
        case "dask":
            return _dask(None, settings)
        case address:
            return _dask(address, settings)


def _dask(address: str | None, settings: Settings) -> TaskRunner:
    """Return a runner on the Dask scheduler at the address, or on a cluster of its own on this machine."""
    try:
        import dask
        import distributed
        from prefect_dask import DaskTaskRunner
    except ModuleNotFoundError as error:
        raise UserError(
            f"KALEIDOSCOPE_TASK_RUNNER={settings.task_runner} needs the package {error.name}: "
            "pip install 'kaleidoscope[dask]'"
        ) from None
    if address is None:
        # Dask would give each worker one BLAS thread; shards are the same bytes only with the same number
        dask.config.set({"distributed.nanny.pre-spawn-environ": {}})
        local = {"n_workers": settings.workers, "threads_per_worker": 1, "dashboard_address": None}
        return DaskTaskRunner(cluster_kwargs=local)
    try:
        distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False).close()
    except (OSError, ValueError) as error:
        raise UserError(
            f"no Dask scheduler answers at {address} ({str(error).splitlines()[0]}): start one, or set "
            "KALEIDOSCOPE_TASK_RUNNER to threads, processes or dask"
        ) from None
    return DaskTaskRunner(address=address)


def lost_worker(error: BaseException) -> str | None:
    """Return the message for an error about workers that were killed; None for other errors."""
    if isinstance(error, BrokenProcessPool) or type(error).__name__ == "KilledWorker":  # Dask may not be installed
        return "a worker process was killed, perhaps for want of memory: run again, finished work is kept"
    return None
