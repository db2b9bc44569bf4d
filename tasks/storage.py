"""Atomic publish: a file is either whole under its name or not there."""

import errno
import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from tasks.errors import UserError

WRITERS = ".writers"


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


DISK_PROBLEMS = {
    errno.ENOSPC: "no space left to write {}: free some and run again",
    errno.EDQUOT: "no space left in your quota to write {}: free some and run again",
    errno.EROFS: "can't write {}: its file system is read-only; mount it writable, or set KALEIDOSCOPE_DATA_DIR",
}


def disk_problem(error: BaseException) -> str | None:
    """What to say of an error where a disk is full or read-only, with {} for the path; None for any other error."""
    for number, problem in DISK_PROBLEMS.items():
        # shutil, DuckDB and polars raise errors of their own, which end with the system's words
        if getattr(error, "errno", None) == number or os.strerror(number) in str(error):
            return problem
    if "database or disk is full" in str(error):  # SQLite
        return DISK_PROBLEMS[errno.ENOSPC]
    return None


def check_can_be_written(folder: Path) -> None:
    """UserError where nothing could be written into a folder, whether it is there yet or is to be made."""
    existing = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        return
    if existing.is_dir():
        read_only = os.statvfs(existing).f_flag & os.ST_RDONLY
        why = "is on a read-only file system" if read_only else "is a folder that you may not write into"
    elif existing.is_symlink() and not existing.exists():
        why = "is a link that leads nowhere"
    else:
        why = "is a file, not a folder"
    raise UserError(f"nothing can be written into {folder}: {existing} {why}; mend it, or set KALEIDOSCOPE_DATA_DIR")


@contextmanager
def naming_disk_problems(path: Path) -> Iterator[None]:
    """Turn any library's error about a full or read-only disk into a UserError that names `path`."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if problem := disk_problem(error):
            raise UserError(problem.format(path)) from error
        raise


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; on success sync it and rename it to `path`.

    On an exception the temporary file is removed and whatever stood at `path` stays.
    A process that is killed leaves a `.tmp-…` file, which `remove_leftovers` clears.
    Raises UserError when the disk is full or read-only.
    """
    temporary = path.parent / f".tmp-{uuid.uuid4().hex}-{path.name}"
    try:
        with naming_disk_problems(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Atomically write UTF-8 text."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def remove_leftovers(folder: Path) -> int:
    """Delete temporary files and folders that killed processes left in `folder`; returns how many."""
    leftovers = list(folder.glob(".tmp-*"))
    for leftover in leftovers:
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)
    return len(leftovers)


def remove_all_leftovers(data: Path, locks: Mapping[Path, Path]) -> None:
    """Delete the temporary files that killed processes left anywhere under `data`; a writer's that lives stay.

    locks: what the writers of a folder hold, where it isn't the folder's own lock file (see `writing`).
    """
    for folder, subfolders, files in os.walk(data):
        # many files, and none of ours is ever temporary there
        subfolders[:] = [name for name in subfolders if name not in ("artifacts", "storage", "site-versions")]
        if any(name.startswith(".tmp-") for name in (*files, *subfolders)):
            path = locks.get(Path(folder), Path(folder) / WRITERS)
            with suppress(BlockingIOError, FileNotFoundError), open(path, "ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_leftovers(Path(folder))


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold while writing into `folder`, which is made; whoever writes alone first clears what killed processes left.

    Any number of threads and processes may write at a time: a lock file tells them of each other, so that nobody's
    temporary files are taken for leftovers.
    """
    with naming_disk_problems(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / WRITERS, "ab")  # noqa: SIM115 - closed below
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_leftovers(folder)
        except BlockingIOError:
            pass
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield
