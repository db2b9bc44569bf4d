"""Locks on files, which show whether a process is alive: the kernel releases them when it dies, whatever the cause.

`data/running/` has a lock file for each flow run and each MLflow run that is going on. A lock file there that nobody
holds was left by a process that has died.
"""

import ctypes
import fcntl
import hashlib
import multiprocessing
import os
import signal
import socket
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from pydantic import BaseModel, Field, ValidationError

from tasks.storage import writing

SECONDS_BETWEEN_REMINDERS = 30.0
SECONDS_BETWEEN_TRIES = 0.2


PR_SET_PDEATHSIG = 1


def die_with_parent(by: signal.Signals = signal.SIGTERM) -> None:
    """Let Linux stop this process when its parent is killed: a killed parent can't stop it. Does nothing elsewhere."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, by)


def worker_dies_with_parent() -> None:
    """Let Linux kill this process of a pool when its parent dies; end it if the parent has died already.

    Idle workers of a killed parent would go on running. It may die while a worker still imports what it needs.
    """
    die_with_parent(signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent and not parent.is_alive():
        os._exit(1)


class Holder(BaseModel):
    """The process that holds a lock, as written into the lock file."""

    name: str = Field(description="what the process runs, for example `flow run 1b2c…`")
    does: str = Field(description="its flow or command")
    pid: int = Field(default_factory=os.getpid)
    host: str = Field(default_factory=socket.gethostname)
    since: datetime = Field(default_factory=lambda: datetime.now(UTC))

    def __str__(self) -> str:
        return f"{self.name} ({self.does}, PID {self.pid} on {self.host}) since {self.since:%Y-%m-%d %H:%M} UTC"


def machine_name(data_dir: Path) -> str:
    """Return a name for a data folder on this machine: the host name and 12 hex digits of the SHA-256 of its path."""
    return f"{socket.gethostname()}-{hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]}"


@contextmanager
def alive(path: Path, holder: Holder) -> Iterator[None]:
    """Hold a lock file of this process while the block runs, and delete it afterwards.

    The file is locked before it gets its name, so that no other process sees it unlocked while its holder lives.
    """
    temporary = path.with_name(f".tmp-{uuid.uuid4().hex}-{path.name}")
    with ExitStack() as held:
        with writing(path.parent):
            lock = held.enter_context(open(temporary, "xb"))
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.write(holder.model_dump_json().encode())
            lock.flush()
            os.replace(temporary, path)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock on a file."""
    try:
        with open(path, "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def holder_of(path: Path) -> Holder | None:
    """Return the process that holds a lock or held it last; None if no process ever did."""
    try:
        return Holder.model_validate_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValidationError):
        return None


@contextmanager
def waiting_for(what: str, path: Path, holder: Holder, say: Callable[[str], object]) -> Iterator[None]:
    """Wait for the lock file of `what`, then hold it while the block runs.

    While waiting, call `say` with the name of its holder every SECONDS_BETWEEN_REMINDERS. The file is never deleted:
    otherwise two processes could hold locks on two files with the same name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        lock = held.enter_context(open(path, "a+b"))
        next_reminder = time.monotonic() + SECONDS_BETWEEN_TRIES
        while not _try_to_lock(lock):
            if time.monotonic() >= next_reminder:
                say(f"waiting for {what}: held by {holder_of(path) or 'another process'}")
                next_reminder = time.monotonic() + SECONDS_BETWEEN_REMINDERS
            time.sleep(SECONDS_BETWEEN_TRIES)
        lock.truncate(0)
        lock.write(holder.model_dump_json().encode())
        lock.flush()
        yield


def _try_to_lock(lock: IO[bytes]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def left_by_the_dead(folder: Path, pattern: str = "*.lock") -> list[Path]:
    """Return the lock files in `folder` whose processes have died."""
    return [path for path in sorted(folder.glob(pattern)) if not is_held(path)]
