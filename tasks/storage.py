"""Atomic writing: a file is either complete under its name or doesn't exist. Disk problems become one-line errors."""

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
    """Make the renames in `folder` survive a power cut."""
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
    """Return the message for an error about a full or read-only disk, with {} for the path; None for other errors."""
    for number, problem in DISK_PROBLEMS.items():
        # shutil, DuckDB and polars raise errors of their own, whose text ends with the system's message
        if getattr(error, "errno", None) == number or os.strerror(number) in str(error):
            return problem
    if "database or disk is full" in str(error):  # SQLite
        return DISK_PROBLEMS[errno.ENOSPC]
    return None


def check_can_be_written(folder: Path) -> None:
    """Raise UserError when nothing can be written into a folder, or when a folder that doesn't exist can't be made."""
    existing = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        return
    if existing.is_dir():
        read_only = os.statvfs(existing).f_flag & os.ST_RDONLY
        why = "is on a read-only file system" if read_only else "is a folder that you may not write into"
    elif existing.is_symlink() and not existing.exists():
        why = "is a link to a path that does not exist"
    else:
        why = "is a file, not a folder"
    raise UserError(f"can't write into {folder}: {existing} {why}; correct that, or set KALEIDOSCOPE_DATA_DIR")


@contextmanager
def naming_disk_problems(path: Path) -> Iterator[None]:
    """Convert any library's error about a full or read-only disk to a UserError that names `path`."""
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
    """Yield a temporary path in the same folder; when the block succeeds, sync the file and rename it to `path`.

    On an exception the temporary file is deleted, and an existing file at `path` stays unchanged.
    A killed process leaves a `.tmp-…` file, which `remove_leftovers` deletes.
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
    """Write UTF-8 text atomically."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def remove_leftovers(folder: Path) -> int:
    """Delete the temporary files and folders that killed processes left in `folder`; return how many there were."""
    leftovers = list(folder.glob(".tmp-*"))
    for leftover in leftovers:
        if leftover.is_dir() and not leftover.is_symlink():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)
    return len(leftovers)


def remove_all_leftovers(data: Path, locks: Mapping[Path, Path]) -> None:
    """Delete the temporary files that killed processes left anywhere under `data`, but not those of living writers.

    locks: folder -> the lock file that its writers hold, where it isn't the folder's own lock file (see `writing`).
    """
    for folder, subfolders, files in os.walk(data):
        # these hold many files, and we never write temporary files there
        subfolders[:] = [name for name in subfolders if name not in ("artifacts", "storage", "site-versions")]
        if any(name.startswith(".tmp-") for name in (*files, *subfolders)):
            path = locks.get(Path(folder), Path(folder) / WRITERS)
            with suppress(BlockingIOError, FileNotFoundError), open(path, "ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove_leftovers(Path(folder))


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Create `folder` and hold its lock while the block writes into it.

    Any number of threads and processes may hold the lock together. A writer that finds itself alone first deletes what
    killed processes left: the lock shows that no temporary file belongs to a living writer.
    Raises UserError when the disk is full or read-only.
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


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Yield an empty folder beside `folder`; rename it to `folder` when the block succeeds, delete it otherwise.

    What a killed process left there is deleted first. Raises UserError when `folder` is not empty, or when another
    process is writing it, or when it can't be made.
    """
    folder = folder.absolute()
    if folder.is_symlink() or (folder.exists() and (not folder.is_dir() or any(folder.iterdir()))):
        raise UserError(f"{folder} is not an empty folder: choose a new or empty folder")
    if os.path.ismount(folder):
        raise UserError(f"{folder} is a mount point and can't be replaced: choose a folder inside it")
    temporary = folder.with_name(f".tmp-{folder.name}")
    try:
        with naming_disk_problems(folder):
            temporary.mkdir(parents=True, exist_ok=True)
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        raise UserError(f"can't make {folder}: {error.strerror}; choose another folder") from None
    descriptor = os.open(temporary, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"another process is writing {folder}: run again when it is done") from None
        _empty(temporary)
        try:
            yield temporary
            for inside in (temporary, *(path for path in temporary.rglob("*") if path.is_dir())):
                sync_folder(inside)
            os.rename(temporary, folder)
            sync_folder(folder.parent)
        except BaseException:
            shutil.rmtree(temporary)
            raise
    finally:
        os.close(descriptor)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
