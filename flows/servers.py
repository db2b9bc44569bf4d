"""Processes beside ours: the Prefect server a run reports to, and how processes are started and stopped for certain."""

import ctypes
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
from tasks.liveness import Holder, alive, left_by_the_dead
from tasks.settings import LOOPBACK, ROOT, Settings, sqlite_url
from tasks.storage import check_can_be_written

HOST = LOOPBACK[0]
START_SECONDS = 180
STOP_SECONDS = 15
FREE_BYTES = 64 << 20
PR_SET_PDEATHSIG = 1
TEMPORARY_SERVER = {
    "PREFECT_SERVER_UI_ENABLED": "false",
    # it would plan runs that no worker waits for
    "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
}
STARTED_BY = "STARTED_BY_KALEIDOSCOPE"
"""Variable that names the lock of who started a process; what that process starts inherits it."""
SERVICES = "services-"
"""How the names of those locks begin."""


def service_environment(settings: Settings) -> dict[str, str]:
    """Our environment with Prefect at home in the data folder and nothing sent to anyone; what the user set stays.

    A proxy that the user set is not asked for addresses on loopback.
    """
    direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    if direct != "*":
        direct = ",".join(filter(None, [direct, *LOOPBACK]))
    folders = {f"KALEIDOSCOPE_{name.upper()}": str(value) for name, value in settings if value is not None}
    return (
        {
            "PREFECT_HOME": str(settings.data_dir / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_CLI_PROMPT": "false",
            "PREFECT_LOGGING_EXTRA_LOGGERS": "tasks",  # what they warn of stands in the run's log
            "DO_NOT_TRACK": "1",
            "GX_ANALYTICS_ENABLED": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
            "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(settings.keep_runs_days * 24 * 3600),
        }
        | _prefect_database(Path(os.environ.get("PREFECT_HOME", settings.data_dir / "prefect")))
        | dict(os.environ)
        | folders
        | {"no_proxy": direct, "NO_PROXY": direct}
    )


def _prefect_database(home: Path) -> dict[str, str]:
    """Prefect writes the path of its own database into a URL as it stands; one that means something there is quoted."""
    url = sqlite_url(home / "prefect.db", "aiosqlite")
    if url.startswith("sqlite:") or "PREFECT_SERVER_DATABASE_DRIVER" in os.environ:
        return {}
    return {"PREFECT_API_DATABASE_CONNECTION_URL": url}


def _die_with_parent() -> None:
    """Have Linux stop this process when its parent is killed, which can't stop it itself any more."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def start(arguments: list[str], environment: dict[str, str], log: Path) -> subprocess.Popen:
    """Start a process in a session of its own (Ctrl-C reaches only us), its output appended to `log`."""
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
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )


def stop(processes: Iterable[subprocess.Popen]) -> None:
    """Stop processes with all that they started."""
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
    """Yield an environment by which whatever is started in it is known as ours; at the end all of that is stopped.

    A lock says that we live: see `stop_strays`.
    """
    lock = settings.running_dir / f"{SERVICES}{uuid.uuid4().hex}.lock"
    with alive(lock, Holder(name="servers", does=what)):
        try:
            yield {STARTED_BY: str(lock)}
        finally:
            _stop([process for process, mark in _started_by() if mark == lock])


def stop_strays(settings: Settings) -> list[int]:
    """Stop what was started for this data folder by a process that is gone; returns the process ids.

    Linux stops servers and workers when their parent is killed, but not what those have started.
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
    """The environment that a process was started with; empty where it can't be seen."""
    try:
        return process.environ()
    except (psutil.Error, OSError):
        return {}


def _stop(family: list[psutil.Process]) -> None:
    """Stop processes: politely, then for certain."""
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
    """Whether a server says that it is well; one on loopback is asked without the user's proxy."""
    proxies = {} if urlsplit(url).hostname in LOOPBACK else None
    try:
        with build_opener(ProxyHandler(proxies)).open(url, timeout=5) as response:
            return response.status == 200
    except (OSError, HTTPException):
        return False


def wait_until_healthy(name: str, url: str, process: subprocess.Popen, log: Path) -> None:
    """Return as soon as `url` answers. UserError when the process ends before that, or takes too long."""
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
    """UserError when a server could not listen at `port`."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            raise UserError(
                f"port {port} for {name} can't be used ({error.strerror}); choose another with {option}"
            ) from None


def start_prefect_server(port: int, environment: dict[str, str], log: Path) -> subprocess.Popen:
    """Start a Prefect server that only programs and its own pages reach."""
    # the pages name the API by one address, and may have been opened by the other; Prefect would answer `*`
    origins = ",".join(f"http://{name}:{port}" for name in LOOPBACK)
    command = [sys.executable, "-m", "uvicorn", "--factory", "flows.prefect_app:create_app"]
    command += ["--host", HOST, "--port", str(port), "--log-level", "warning"]
    return start(command, environment | {"PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": origins}, log)


def api_url(port: int) -> str:
    return f"http://{HOST}:{port}/api"


def running_servers_file(settings: Settings) -> Path:
    """Where `kaleidoscope up` leaves its servers' addresses (a document, name -> URL) while it runs."""
    return settings.data_dir / "prefect" / "servers.json"


def running_servers(settings: Settings) -> dict[str, str]:
    """The servers that `kaleidoscope up` runs for this data folder and that answer, by name."""
    try:
        addresses = read_document(running_servers_file(settings), "start `kaleidoscope up` again")
    except Damaged:  # mostly missing: none runs
        return {}
    return {name: url for name, url in addresses.items() if is_answering(f"{url}/health")}


def prefect_server_address(settings: Settings) -> str | None:
    """The server that the environment names, else the one that `kaleidoscope up` runs, else None."""
    return os.environ.get("PREFECT_API_URL") or running_servers(settings).get("prefect")


class PrefectServer:
    """A Prefect server to report to, reachable after `wait`."""

    def __init__(self, url: str, process: subprocess.Popen | None, log: Path, ours: bool):
        self.url, self.process, self.log, self.ours = url, process, log, ours

    def wait(self) -> None:
        """UserError when it can't be reached."""
        if self.process:
            wait_until_healthy("Prefect server", f"{self.url}/health", self.process, self.log)
        elif not is_answering(f"{self.url}/health"):
            raise UserError(f"no Prefect server answers at {self.url}; start it, or unset PREFECT_API_URL")


@contextmanager
def prefect_server(settings: Settings) -> Iterator[PrefectServer]:
    """The server that is there, or one of our own for as long as the block runs, on the same database.

    Prefect would start a temporary server by itself, but only when the first flow asks for it and after importing
    the whole server into this process too: 18 to 26 s before the first step. Started here, it boots while the caller
    imports what the flow needs: 2 s of waiting are left (measured on 2 cores).
    To be entered before Prefect is imported, as that is when it reads the environment.
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
    """Have Prefect's background threads empty their queues; without a server they would try for a minute at exit."""
    if "prefect" in sys.modules:
        from prefect.events.worker import EventsWorker
        from prefect.logging.handlers import APILogWorker

        APILogWorker.drain_all()
        EventsWorker.drain_all()


def require_room(folder: Path) -> None:
    """UserError where nothing can be written into the data folder, or too little."""
    check_can_be_written(folder)
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = psutil.disk_usage(str(existing)).free
    if free < FREE_BYTES:
        raise UserError(
            f"{free >> 20} MiB are free in {folder}, a run needs {FREE_BYTES >> 20} at least; "
            "make room or set KALEIDOSCOPE_DATA_DIR"
        )
