"""`kaleidoscope up`: Prefect server, worker with all deployments, MLflow server; started and stopped together."""

import os
import signal
import subprocess
import sys
import time

from rich.console import Console

from flows import LOADER_LIMIT, WORK_POOL
from flows.servers import (
    HOST,
    api_url,
    require_free_port,
    running_servers_file,
    service_environment,
    start,
    start_prefect_server,
    stop,
    wait_until_healthy,
)
from tasks.checksums import write_document
from tasks.errors import UserError
from tasks.settings import Settings

# No placeholder and no variable: a flow run can't choose its command, its environment or its folder. `env` is left out
# because Prefect merges a run's variables into one that is there.
JOB_TEMPLATE = {
    "job_configuration": {"stream_output": True},
    "variables": {"type": "object", "properties": {}, "additionalProperties": False},
}
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Services:
    """The processes of one `up`, by name."""

    def __init__(self, settings: Settings, prefect_port: int, mlflow_port: int):
        self.settings, self.prefect_port, self.mlflow_port = settings, prefect_port, mlflow_port
        self.logs = settings.data_dir / "logs"
        self.environment = service_environment(settings) | {"PREFECT_API_URL": api_url(prefect_port)}
        self.processes: dict[str, subprocess.Popen] = {}

    def start(self) -> dict[str, str]:
        """Start all; returns the servers' addresses. UserError: one of them doesn't come up."""
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
        self._create_pool_and_limit(addresses["prefect"])
        self._start("deploy", [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"])
        if self.processes.pop("deploy").wait():
            raise UserError(f"the flows could not be deployed; see {self._log('deploy')}")
        self._start("worker", [sys.executable, "-m", "prefect", "worker", "start", "--pool", WORK_POOL])
        if "mlflow" in addresses:
            self._wait_for("MLflow server", addresses["mlflow"])
        return addresses

    def wait(self) -> None:
        """Return never; UserError when a service ends by itself."""
        while True:
            for name, process in self.processes.items():
                if process.poll() is not None:
                    raise UserError(f"{name} ended with code {process.returncode}; see {self._log(name)}")
            time.sleep(0.5)

    def stop(self) -> None:
        # the worker first: it ends its flow runs while there is a server to tell
        for name in reversed(self.processes):
            stop([self.processes[name]])

    def _log(self, name: str):
        return self.logs / f"{name.lower().replace(' ', '-')}.log"

    def _start(self, name: str, command: list[str], environment: dict[str, str] | None = None) -> None:
        self.processes[name] = start(command, (environment or {}) | self.environment, self._log(name))

    def _wait_for(self, name: str, url: str) -> None:
        wait_until_healthy(name, f"{url}/health", self.processes[name], self._log(name))

    def _create_pool_and_limit(self, url: str) -> None:
        from prefect.client.orchestration import SyncPrefectClient
        from prefect.client.schemas.actions import WorkPoolCreate
        from prefect.workers.process import ProcessWorker

        with SyncPrefectClient(url) as client:
            client.create_work_pool(
                WorkPoolCreate(name=WORK_POOL, type=ProcessWorker.type, base_job_template=JOB_TEMPLATE), overwrite=True
            )
            client.upsert_global_concurrency_limit_by_name(LOADER_LIMIT, limit=1)


def up(settings: Settings, prefect_port: int, mlflow_port: int) -> None:
    """Serve until Ctrl-C. UserError: both ports are alike or one is taken, a service can't start or ends by itself."""
    if prefect_port == mlflow_port:
        raise UserError(
            f"both servers can't listen at port {prefect_port}; choose another with --prefect-port or --mlflow-port"
        )
    require_free_port("the Prefect server", prefect_port, "--prefect-port")
    require_free_port("the MLflow server", mlflow_port, "--mlflow-port")
    console = Console(highlight=False)
    services = Services(settings, prefect_port, mlflow_port)
    # Prefect's client here is to find what its server, worker and flow runs find, and past the user's proxy
    os.environ.update(services.environment)
    for stop_signal in STOP_SIGNALS:
        signal.signal(stop_signal, signal.default_int_handler)
    try:
        console.print(f"starting; logs are in {services.logs}")
        addresses = services.start()
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
