"""Who is alive and who holds what: locks on files, which the kernel frees when their holder dies, whatever kills it.

`data/running/` has a lock file for each flow run and each MLflow run that is going on. A file there whose lock is free
was left by a process that died.
"""

import fcntl
import os
import socket
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


class Holder(BaseModel):
    """Whoever holds a lock."""

    name: str = Field(description="what it is, as in `flow run 1b2c…`")
    does: str = Field(description="its flow or command")
    pid: int = Field(default_factory=os.getpid)
    host: str = Field(default_factory=socket.gethostname)
    since: datetime = Field(default_factory=lambda: datetime.now(UTC))

    def __str__(self) -> str:
        return f"{self.name} ({self.does}, PID {self.pid} on {self.host}) since {self.since:%Y-%m-%d %H:%M} UTC"


@contextmanager
def alive(path: Path, holder: Holder) -> Iterator[None]:
    """Hold a lock file of one's own while the block runs, and remove it then.

    The file has its name only once it is locked: nobody sees it free while its holder lives.
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
    """Whether the lock on a file is held by a process that lives."""
    try:
        with open(path, "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def holder_of(path: Path) -> Holder | None:
    """Who holds a lock, or held it last; None when nobody ever did."""
    try:
        return Holder.model_validate_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValidationError):
        return None


@contextmanager
def waiting_for(what: str, path: Path, holder: Holder, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the one lock on `what` while the block runs; until it is free, `say` who has it, every 30 s.

    The file stays: removing it would let two processes hold locks on two files of one name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        lock = held.enter_context(open(path, "a+b"))
        next_word = time.monotonic() + SECONDS_BETWEEN_TRIES
        while not _try_to_lock(lock):
            if time.monotonic() >= next_word:
                say(f"waiting for {what}: held by {holder_of(path) or 'another process'}")
                next_word = time.monotonic() + SECONDS_BETWEEN_REMINDERS
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
    """The lock files in `folder` whose processes are gone."""
    return [path for path in sorted(folder.glob(pattern)) if not is_held(path)]
