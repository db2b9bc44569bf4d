"""Start and stop processes reliably, above all the Prefect server that a run reports to."""

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

import psutil

from flows.results import follow_the_folder
from tasks.checksums import Damaged, read_document
from tasks.errors import UserError
from tasks.liveness import Holder, alive, die_with_parent, left_by_the_dead
from tasks.settings import LOOPBACK, PREFECT_DATABASE, ROOT, Settings, sqlite_url
from tasks.storage import check_can_be_written

HOST = LOOPBACK[0]
START_SECONDS = 180
STOP_SECONDS = 15
FREE_BYTES = 64 << 20
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
TEMPORARY_SERVER = {
    "PREFECT_SERVER_UI_ENABLED": "false",
    # it would schedule runs that no worker picks up
    "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
}
STARTED_BY = "STARTED_BY_KALEIDOSCOPE"
"""Environment variable with the path of the lock of whoever started a process; its child processes inherit it."""
SERVICES = "services-"
"""Prefix of the names of those locks."""


def service_environment(settings: Settings) -> dict[str, str]:
    """Return the environment for servers and flow runs: this process's, with Prefect's files in the data folder.

    Telemetry is switched off. Variables that the user has set keep their values, except that a proxy is never used for
    addresses on loopback.
    """
    direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    if direct != "*":
        direct = ",".join(filter(None, [direct, *LOOPBACK]))
    return (
        {
            "PREFECT_HOME": str(settings.data_dir / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_CLI_PROMPT": "false",
            "PREFECT_LOGGING_EXTRA_LOGGERS": "tasks",  # their warnings appear in the run's log
            "DO_NOT_TRACK": "1",
            "GX_ANALYTICS_ENABLED": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            # after these seconds Prefect cancels a run that has been submitted and has not begun: a machine may sleep
            "PREFECT_SERVER_CONCURRENCY_INITIAL_DEPLOYMENT_LEASE_DURATION": "3600",
            "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
            "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(settings.keep_runs_days * 24 * 3600),
        }
        | _prefect_database(Path(os.environ.get("PREFECT_HOME", settings.data_dir / "prefect")))
        | dict(os.environ)
        | settings.environment()
        | {"no_proxy": direct, "NO_PROXY": direct}
    )


def _prefect_database(home: Path) -> dict[str, str]:
    """Return the setting of Prefect's database if its path must be quoted in a URL: Prefect itself doesn't quote it."""
    url = sqlite_url(home / "prefect.db", "aiosqlite")
    if url.startswith("sqlite:") or os.environ.keys() & {*PREFECT_DATABASE, "PREFECT_SERVER_DATABASE_DRIVER"}:
        return {}
    return {PREFECT_DATABASE[0]: url}


def start(arguments: list[str], environment: dict[str, str], log: Path) -> subprocess.Popen:
    """Start a process and append its output to `log`.

    The process gets a session of its own, so that Ctrl-C reaches only its parent.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as output:
        return subprocess.Popen(
            arguments,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )


def stop(processes: Iterable[subprocess.Popen]) -> None:
    """Stop processes and all their child processes."""
    family = []
    for process in processes:
        try:
            parent = psutil.Process(process.pid)
            family += [*parent.children(recursive=True), parent]
        except psutil.NoSuchProcess:
            continue
    _stop(family)


@contextmanager
def begins(what: str, settings: Settings) -> Iterator[dict[str, str]]:
    """Yield an environment that marks processes as started by us; stop all marked processes when the block ends.

    Meanwhile a lock is held, so that `stop_strays` knows that their parent is alive.
    """
    lock = settings.running_dir / f"{SERVICES}{uuid.uuid4().hex}.lock"
    with alive(lock, Holder(name="servers", does=what)):
        try:
            yield {STARTED_BY: str(lock)}
        finally:
            _stop([process for process, mark in _started_by() if mark == lock])


def stop_strays(settings: Settings) -> list[int]:
    """Stop the processes that a dead process had started for this data folder; return their process ids.

    Linux stops servers and workers when their parent is killed, but not the processes that those have started.
    """
    dead = left_by_the_dead(settings.running_dir, f"{SERVICES}*.lock")
    strays = [process for process, mark in _started_by() if mark in dead] if dead else []
    _stop(strays)
    for lock in dead:
        lock.unlink(missing_ok=True)
    return [process.pid for process in strays]


def _started_by() -> Iterator[tuple[psutil.Process, Path]]:
    for process in psutil.process_iter():
        if mark := environment_of(process).get(STARTED_BY):
            yield process, Path(mark)


def environment_of(process: psutil.Process) -> dict[str, str]:
    """Return the environment that a process was started with; empty where it can't be read."""
    try:
        return process.environ()
    except (psutil.Error, OSError):
        return {}


def _stop(family: list[psutil.Process]) -> None:
    """Terminate processes; kill those that still run after STOP_SECONDS."""
    for signal_name in ("terminate", "kill"):
        for member in family:
            try:
                getattr(member, signal_name)()
            except psutil.NoSuchProcess:
                continue
        _, family = psutil.wait_procs(family, timeout=STOP_SECONDS)
        if not family:
            return


def is_answering(url: str) -> bool:
    """Whether `url` answers with status 200. A server on loopback is asked without the user's proxy."""
    proxies: dict[str, str] | None = {} if urlsplit(url).hostname in LOOPBACK else None
    try:
        with build_opener(ProxyHandler(proxies)).open(url, timeout=5) as response:
            return response.status == 200
    except (OSError, HTTPException):
        return False


def wait_until_healthy(name: str, url: str, process: subprocess.Popen, log: Path) -> None:
    """Return as soon as `url` answers.

    Raises UserError when the process ends before that, or when START_SECONDS have passed.
    """
    deadline = time.monotonic() + START_SECONDS
    while not is_answering(url):
        if process.poll() is not None:
            raise UserError(f"{name} ended with code {process.returncode} while starting; see {log}")
        if time.monotonic() > deadline:
            raise UserError(f"{name} did not answer at {url} within {START_SECONDS} s; see {log}")
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return listener.getsockname()[1]


def require_free_port(name: str, port: int, option: str) -> None:
    """Raise UserError when a server could not listen on `port`; the message names `option` to choose another."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            raise UserError(
                f"port {port} for {name} can't be used ({error.strerror}); choose another with {option}"
            ) from None


def start_prefect_server(port: int, environment: dict[str, str], log: Path) -> subprocess.Popen:
    """Start a Prefect server that answers only programs and its own pages."""
    # a page that was opened at one of the two addresses may call the API at the other; Prefect's default is all (`*`)
    origins = ",".join(f"http://{name}:{port}" for name in LOOPBACK)
    command = [sys.executable, "-m", "uvicorn", "--factory", "flows.prefect_app:create_app"]
    command += ["--host", HOST, "--port", str(port), "--log-level", "warning"]
    return start(command, environment | {"PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": origins}, log)


def api_url(port: int) -> str:
    return f"http://{HOST}:{port}/api"


def running_servers_file(settings: Settings) -> Path:
    """Return the document (name -> URL) in which `kaleidoscope up` keeps its servers' addresses while it runs."""
    return settings.data_dir / "prefect" / "servers.json"


def running_servers(settings: Settings) -> dict[str, str]:
    """Return {name: URL} of the servers that `kaleidoscope up` runs for this data folder and that answer."""
    try:
        addresses = read_document(running_servers_file(settings), "start `kaleidoscope up` again")
    except Damaged:  # usually because the file is missing: no server runs
        return {}
    return {name: url for name, url in addresses.items() if is_answering(f"{url}/health")}


def prefect_server_address(settings: Settings) -> str | None:
    """Return the address in PREFECT_API_URL, else that of the server that `kaleidoscope up` runs, else None."""
    return os.environ.get("PREFECT_API_URL") or running_servers(settings).get("prefect")


class PrefectServer:
    """A Prefect server that a run reports to; it can be reached once `wait` has returned.

    process: the server's process if this process started it. ours: whether the server belongs to this data folder.
    """

    def __init__(self, url: str, process: subprocess.Popen | None, log: Path, ours: bool):
        self.url, self.process, self.log, self.ours = url, process, log, ours

    def wait(self) -> None:
        """Wait until the server answers. Raises UserError when it can't be reached."""
        if self.process:
            wait_until_healthy("Prefect server", f"{self.url}/health", self.process, self.log)
        elif not is_answering(f"{self.url}/health"):
            raise UserError(f"no Prefect server answers at {self.url}; start it, or unset PREFECT_API_URL")


@contextmanager
def prefect_server(settings: Settings) -> Iterator[PrefectServer]:
    """Yield the running Prefect server, or one that runs for as long as the block does, on the data folder's database.

    Prefect would start a temporary server by itself, but only when the first flow needs it, and after importing the
    whole server into this process too: 18 to 26 s before the first step. A server started here boots while the caller
    imports what the flow needs, which leaves 2 s of waiting (measured on 2 cores).
    Enter the block before Prefect is imported, because Prefect reads the environment when it is imported.
    Raises UserError when the data folder can't be written or its disk is almost full.
    """
    require_room(settings.data_dir)
    environment = service_environment(settings)
    log = settings.data_dir / "prefect" / "server.log"
    stop_strays(settings)
    follow_the_folder(Path(environment["PREFECT_HOME"]))
    url, process = prefect_server_address(settings), None
    ours = url != os.environ.get("PREFECT_API_URL")
    before = dict(os.environ)
    with ExitStack() as started:
        if not url:
            port, ours = free_port(), True
            mark = started.enter_context(begins("kaleidoscope run", settings))
            url, process = api_url(port), start_prefect_server(port, environment | mark | TEMPORARY_SERVER, log)
        os.environ.update(environment, PREFECT_API_URL=url)
        try:
            yield PrefectServer(url, process, log, ours)
        finally:
            if process:
                _send_logs_and_events()
            os.environ.clear()
            os.environ.update(before)


def _send_logs_and_events() -> None:
    """Let Prefect's background threads empty their queues: without a server they would retry for a minute at exit."""
    if "prefect" in sys.modules:
        from prefect.events.worker import EventsWorker
        from prefect.logging.handlers import APILogWorker

        APILogWorker.drain_all()
        EventsWorker.drain_all()


def require_room(folder: Path) -> None:
    """Raise UserError when the data folder can't be written or its disk has less than FREE_BYTES free."""
    check_can_be_written(folder)
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = psutil.disk_usage(str(existing)).free
    if free < FREE_BYTES:
        raise UserError(
            f"only {free >> 20} MiB are free in {folder}, and a run needs at least {FREE_BYTES >> 20} MiB; "
            "free some space, or set KALEIDOSCOPE_DATA_DIR"
        )
