"""`kaleidoscope up`: Prefect server, worker with all deployments, MLflow server; started and stopped together."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from rich.console import Console

from flows import WORK_POOL
from flows.results import follow_the_folder, remove_old_results
from flows.servers import (
    HOST,
    api_url,
    begins,
    require_free_port,
    require_room,
    running_servers_file,
    service_environment,
    start,
    start_prefect_server,
    stop,
    stop_strays,
    wait_until_healthy,
)
from tasks.checksums import write_document
from tasks.errors import UserError
from tasks.settings import RESOURCES, Settings
from tasks.warehouse.migrate import migrate_at_start

# No placeholder and no variable: a flow run can't choose its command, its environment or its folder. `env` is left out
# because Prefect merges a run's variables into one that is there.
JOB_TEMPLATE = {
    "job_configuration": {"stream_output": True},
    "variables": {"type": "object", "properties": {}, "additionalProperties": False},
}
SECONDS_BETWEEN_LOOKS = 15.0
SECONDS_A_DAY = 24 * 3600.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Services:
    """The processes of one `up`, by name."""

    def __init__(self, settings: Settings, prefect_port: int, mlflow_port: int, console: Console):
        self.settings, self.prefect_port, self.mlflow_port = settings, prefect_port, mlflow_port
        self.console = console
        self.logs = settings.data_dir / "logs"
        self.environment = service_environment(settings) | {"PREFECT_API_URL": api_url(prefect_port)}
        self.processes: dict[str, subprocess.Popen] = {}
        self.stopping = threading.Event()

    def start(self, mark: dict[str, str]) -> dict[str, str]:
        """Start all with `mark` in their environment; returns the servers' addresses.

        UserError: one of them doesn't come up.
        """
        self.environment |= mark
        # Prefect's clients here are to find what its server, worker and flow runs find, and past the user's proxy
        os.environ.update(self.environment)
        follow_the_folder(Path(self.environment["PREFECT_HOME"]))
        addresses = {"prefect": api_url(self.prefect_port)}
        self.processes["Prefect server"] = start_prefect_server(
            self.prefect_port, self.environment, self._log("Prefect server")
        )
        if not self.settings.mlflow_tracking_uri.startswith("http"):
            from tasks.tracking.store import server_command

            command, environment = server_command(self.settings, self.mlflow_port)
            self._start("MLflow server", command, environment)
            addresses["mlflow"] = f"http://{HOST}:{self.mlflow_port}"
        self._wait_for("Prefect server", addresses["prefect"])
        self._create_pool(addresses["prefect"])
        self._automate()
        self._end_dead_runs(clear=True)
        deployments = str(RESOURCES / "prefect.yaml")
        deploy = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", deployments]
        self._start("deploy", deploy)
        if self.processes.pop("deploy").wait():
            raise UserError(f"the flows could not be deployed; see {self._log('deploy')}")
        self._start("worker", [sys.executable, "-m", "prefect", "worker", "start", "--pool", WORK_POOL])
        if "mlflow" in addresses:
            self._wait_for("MLflow server", addresses["mlflow"])
        return addresses

    def wait(self) -> None:
        """Return never; UserError when a service ends by itself. Meanwhile runs whose process dies are ended."""
        # in a thread: a server that doesn't answer must not keep us from seeing that it has ended
        threading.Thread(target=self._keep_ending_dead_runs, daemon=True).start()
        while True:
            for name, process in self.processes.items():
                if process.poll() is not None:
                    raise UserError(f"{name} ended with code {process.returncode}; see {self._log(name)}")
            time.sleep(0.5)

    def stop(self) -> None:
        self.stopping.set()
        # the worker first: it ends its flow runs while there is a server to tell
        for name in reversed(self.processes):
            stop([self.processes[name]])

    def _log(self, name: str):
        return self.logs / f"{name.lower().replace(' ', '-')}.log"

    def _start(self, name: str, command: list[str], environment: dict[str, str] | None = None) -> None:
        self.processes[name] = start(command, (environment or {}) | self.environment, self._log(name))

    def _wait_for(self, name: str, url: str) -> None:
        wait_until_healthy(name, f"{url}/health", self.processes[name], self._log(name))

    def _automate(self) -> None:
        from flows.notifications import automate_notifications

        automate_notifications(self.settings.notify_url)

    def _keep_ending_dead_runs(self) -> None:
        said, next_day = None, time.monotonic()
        while not self.stopping.wait(SECONDS_BETWEEN_LOOKS):
            try:
                self._end_dead_runs()
                if time.monotonic() >= next_day:
                    remove_old_results(self.settings)
                    next_day += SECONDS_A_DAY
                said = None
            except Exception as error:  # whatever it is, the services go on
                if not self.stopping.is_set() and str(error) != said:
                    said = str(error)
                    self.console.print(f"can't look for runs whose process is gone: {said}", markup=False)

    def _end_dead_runs(self, clear: bool = False) -> None:
        from prefect.client.orchestration import SyncPrefectClient

        from flows.dead_runs import clear_leftovers, end_dead_runs

        if clear:
            clear_leftovers(self.settings)
        with SyncPrefectClient(api_url(self.prefect_port)) as client:
            for line in end_dead_runs(client, self.settings, owns_server=True):
                self.console.print(line, markup=False, soft_wrap=True)

    def _create_pool(self, url: str) -> None:
        from prefect.client.orchestration import SyncPrefectClient
        from prefect.client.schemas.actions import WorkPoolCreate
        from prefect.workers.process import ProcessWorker

        with SyncPrefectClient(url) as client:
            client.create_work_pool(
                WorkPoolCreate(name=WORK_POOL, type=ProcessWorker.type, base_job_template=JOB_TEMPLATE), overwrite=True
            )


def up(settings: Settings, prefect_port: int, mlflow_port: int) -> None:
    """Serve until Ctrl-C. UserError: both ports are alike or one is taken, a service can't start or ends by itself."""
    if prefect_port == mlflow_port:
        raise UserError(
            f"both servers can't listen at port {prefect_port}; choose another with --prefect-port or --mlflow-port"
        )
    require_room(settings.data_dir)
    console = Console(highlight=False)
    if strays := stop_strays(settings):
        console.print(f"stopped what a killed `kaleidoscope up` or `run` left: {len(strays)} processes")
    require_free_port("the Prefect server", prefect_port, "--prefect-port")
    require_free_port("the MLflow server", mlflow_port, "--mlflow-port")
    for line in migrate_at_start(settings):
        console.print(line, markup=False, soft_wrap=True)
    services = Services(settings, prefect_port, mlflow_port, console)
    for stop_signal in STOP_SIGNALS:
        signal.signal(stop_signal, signal.default_int_handler)
    with begins("kaleidoscope up", settings) as mark:
        try:
            console.print(f"starting; logs are in {services.logs}")
            addresses = services.start(mark)
            write_document(running_servers_file(settings), addresses)
            console.print(f"Prefect  {addresses['prefect'].removesuffix('/api')}")
            console.print(f"MLflow   {addresses.get('mlflow', settings.mlflow_tracking_uri)}")
            console.print("Ctrl-C stops all")
            services.wait()
        except KeyboardInterrupt:
            console.print("stopping")
        finally:
            for stop_signal in STOP_SIGNALS:
                signal.signal(stop_signal, signal.SIG_IGN)
            services.stop()
            running_servers_file(settings).unlink(missing_ok=True)
