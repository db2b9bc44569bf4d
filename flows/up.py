"""`kaleidoscope up`: run the Prefect server, a worker with all deployments and the MLflow server together."""

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
    STOP_SIGNALS,
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
from tasks.liveness import machine_name
from tasks.settings import RESOURCES, Settings
from tasks.warehouse.migrate import migrate_at_start

# The template has no placeholders and no variables, so a flow run can't choose its command, environment or folder.
# `env` is absent because Prefect merges a run's variables into an `env` that is present.
JOB_TEMPLATE = {
    "job_configuration": {"stream_output": True},
    "variables": {"type": "object", "properties": {}, "additionalProperties": False},
}
SECONDS_BETWEEN_LOOKS = 15.0
SECONDS_A_DAY = 24 * 3600.0


class Services:
    """The processes that one `kaleidoscope up` runs, by name."""

    def __init__(self, settings: Settings, prefect_port: int, mlflow_port: int, console: Console):
        self.settings, self.prefect_port, self.mlflow_port = settings, prefect_port, mlflow_port
        self.console = console
        self.logs = settings.data_dir / "logs"
        self.environment = service_environment(settings) | {"PREFECT_API_URL": api_url(prefect_port)}
        self.processes: dict[str, subprocess.Popen] = {}
        self.stopping = threading.Event()

    def start(self, mark: dict[str, str]) -> dict[str, str]:
        """Start all processes with `mark` in their environment; return the servers' addresses by name.

        Raises UserError when one of them doesn't start.
        """
        self.environment |= mark
        # the Prefect clients in this process need the same settings as the server, the worker and the flow runs, and
        # must bypass the user's proxy
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
        worker = [sys.executable, "-m", "prefect", "worker", "start", "--pool", WORK_POOL]
        self._start("worker", [*worker, "--name", machine_name(self.settings.data_dir)])
        if "mlflow" in addresses:
            self._wait_for("MLflow server", addresses["mlflow"])
        return addresses

    def wait(self) -> None:
        """Watch the services and never return. Meanwhile, end the flow runs whose process has died.

        Raises UserError when a service ends by itself.
        """
        # in a thread, so that a server that doesn't answer can't block the loop that sees it end
        threading.Thread(target=self._keep_ending_dead_runs, daemon=True).start()
        while True:
            for name, process in self.processes.items():
                if process.poll() is not None:
                    raise UserError(f"{name} ended with code {process.returncode}; see {self._log(name)}")
            time.sleep(0.5)

    def stop(self) -> None:
        self.stopping.set()
        # the worker first, so that it can still report the end of its flow runs to the server
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
        reported, next_day = None, time.monotonic()
        while not self.stopping.wait(SECONDS_BETWEEN_LOOKS):
            try:
                self._end_dead_runs()
                if time.monotonic() >= next_day:
                    remove_old_results(self.settings)
                    next_day += SECONDS_A_DAY
                reported = None
            except Exception as error:  # no error may stop the services
                if not self.stopping.is_set() and str(error) != reported:
                    reported = str(error)
                    self.console.print(f"can't look for runs whose process has died: {reported}", markup=False)

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
    """Run all services until Ctrl-C.

    Raises UserError when both ports are equal, a port is taken, a service can't start, or a service ends by itself.
    """
    if prefect_port == mlflow_port:
        raise UserError(
            f"both servers can't listen on port {prefect_port}; choose another with --prefect-port or --mlflow-port"
        )
    require_room(settings.data_dir)
    console = Console(highlight=False)
    if strays := stop_strays(settings):
        console.print(f"stopped {len(strays)} processes that a killed `kaleidoscope up` or `run` had started")
    require_free_port("the Prefect server", prefect_port, "--prefect-port")
    require_free_port("the MLflow server", mlflow_port, "--mlflow-port")
    for line in migrate_at_start(settings):
        console.print(line, markup=False, soft_wrap=True)
    services = Services(settings, prefect_port, mlflow_port, console)
    for stop_signal in STOP_SIGNALS:
        signal.signal(stop_signal, signal.default_int_handler)
    with begins("kaleidoscope up", settings) as mark:
        try:
            console.print(f"starting; the logs are in {services.logs}")
            addresses = services.start(mark)
            write_document(running_servers_file(settings), addresses)
            console.print(f"Prefect  {addresses['prefect'].removesuffix('/api')}")
            console.print(f"MLflow   {addresses.get('mlflow', settings.mlflow_tracking_uri)}")
            console.print("Ctrl-C stops all servers")
            services.wait()
        except KeyboardInterrupt:
            console.print("stopping")
        finally:
            for stop_signal in STOP_SIGNALS:
                signal.signal(stop_signal, signal.SIG_IGN)
            services.stop()
            running_servers_file(settings).unlink(missing_ok=True)
