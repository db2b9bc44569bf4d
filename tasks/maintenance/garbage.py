"""Garbage: files and folders that nothing refers to, and those that exceed the number or the age to keep.

Never garbage are: staged tables, because the warehouse is built from them; what a row, a registered model or an
unfinished MLflow run refers to, and its inputs; and what is younger than a day, is being written, or may be needed by a
running flow.
"""

import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import duckdb

from tasks.checksums import is_committed
from tasks.errors import UserError
from tasks.liveness import holder_of, is_held
from tasks.maintenance.inventory import (
    KINDS,
    QUERIES,
    flow_runs_going_on,
    folders_of,
    is_finished,
    leftovers,
    mlflow_database,
    open_read_only,
    reading,
    referred_to,
)
from tasks.progress import Progress, silent
from tasks.quarantine import in_quarantine
from tasks.report.site import old_sites
from tasks.settings import Settings
from tasks.warehouse.lake import lake_of
from tasks.warehouse.publish import old_snapshots

DAY = 24 * 3600


class Garbage(NamedTuple):
    """A file or folder to delete.

    path: of a file of the lake, its address. bytes: its size on the disk; why: the reason to delete it.
    """

    path: Path | str
    bytes: int
    why: str


def find_garbage(settings: Settings) -> list[Garbage]:
    """Return what `delete_garbage` would delete now.

    Raises UserError when something can't be read, because it might refer to anything.
    """
    if settings.warehouse_file.exists():
        with open_read_only(settings.warehouse_file) as warehouse:
            return [*_garbage(settings, warehouse), *_of_lake(settings)]
    return [*_garbage(settings, None), *_of_lake(settings)]


def delete_garbage(settings: Settings, progress: Progress = silent) -> list[Garbage]:
    """Delete the garbage; return what was deleted.

    While the garbage is collected and renamed, no flow run can begin and no process can write to the warehouse. The
    deletion itself takes longer and blocks nobody. progress counts the deletions. Raises UserError as `find_garbage`,
    and when another gc or a backup is running.
    """
    with ExitStack() as moving, ExitStack() as deleting:
        deleting.enter_context(alone_in(settings.data_dir))
        warehouse = moving.enter_context(_quiet(settings))
        garbage = _garbage(settings, warehouse)
        moved = [(item, _moved_away(Path(item.path))) for item in garbage]
        moving.close()
        for done, (_, away) in enumerate(moved, start=1):
            if away:
                _delete(away)
            progress(done, len(moved))
    return [*(item for item, away in moved if away), *_of_lake(settings, delete=True)]


@contextmanager
def alone_in(folder: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold a lock on the data folder that keeps out gc and, unless `shared`, backups too.

    Raises UserError when another process holds it.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise UserError(f"`kaleidoscope gc` or `backup` is running on {folder}: run again when it is done") from None
    finally:
        os.close(descriptor)


@contextmanager
def _quiet(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection | None]:
    """Keep flow runs from beginning and other processes from writing to the warehouse; yield a connection to it.

    Yields None when there is no warehouse. Raises UserError when another process holds it.
    """
    settings.running_dir.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        # `tasks.liveness.alive` waits for this file when a run begins
        fcntl.flock(held.enter_context(open(settings.running_dir / ".writers", "ab")), fcntl.LOCK_EX)
        if not settings.warehouse_file.exists():
            yield None
            return
        lock = held.enter_context(open(settings.warehouse_lock, "a+b"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = holder_of(settings.warehouse_lock) or "another process"
            raise UserError(f"the warehouse is held by {holder}: run gc again when it is done") from None
        yield held.enter_context(open_read_only(settings.warehouse_file))


def _garbage(settings: Settings, warehouse: duckdb.DuckDBPyConnection | None) -> list[Garbage]:
    if not settings.data_dir.is_dir():
        raise UserError(f"{settings.data_dir} is not a folder: set KALEIDOSCOPE_DATA_DIR to the data folder")
    paths = [
        *_unreferenced(settings, warehouse),
        *((path, "a snapshot beyond KALEIDOSCOPE_KEEP_SNAPSHOTS") for path in _snapshots(settings)),
        *((path, "a page beyond KALEIDOSCOPE_KEEP_SITES, or half written") for path in _sites(settings)),
        *((path, "a warehouse from before a migration") for path in settings.warehouse_file.parent.glob("*.before-v*")),
        *((path, "left by a killed process") for path in leftovers(settings) if _is_leftover(path)),
        *((path, "longer in quarantine than KALEIDOSCOPE_KEEP_QUARANTINE_DAYS") for path in _quarantined(settings)),
        *((path, "belongs to no MLflow run or model") for path in _artifacts_of_nothing(settings)),
        *((path, "result of a run older than KALEIDOSCOPE_KEEP_RUNS_DAYS") for path in old_results(settings)),
    ]
    return [Garbage(path, size_of(path), why) for path, why in paths]


def _of_lake(settings: Settings, delete: bool = False) -> list[Garbage]:
    lake = lake_of(settings)
    files = lake.old_files(DAY, delete) if lake else {}
    return [Garbage(file, size, "belongs to no version of the lake") for file, size in files.items()]


def _unreferenced(settings: Settings, warehouse: duckdb.DuckDBPyConnection | None) -> Iterator[tuple[Path, str]]:
    keys = referred_to(settings, warehouse)
    if flow_runs_going_on(settings):
        return  # a running flow may use any earlier result
    is_training = any(not is_finished("dictionaries", folder) for folder in folders_of("dictionaries", settings))
    for kind in KINDS:
        for folder in folders_of(kind, settings):
            if folder.name in keys or has_writer(folder):
                continue
            if not is_finished(kind, folder):
                if age_of(folder) > settings.keep_unfinished_days * DAY:
                    yield folder, "unfinished for longer than KALEIDOSCOPE_KEEP_UNFINISHED_DAYS"
            # a dictionary refers to its activation set only once it is trained
            elif kind != "frames" and age_of(folder) > DAY and not (kind == "activations" and is_training):
                yield folder, "no row, model or unfinished run refers to it"


def _snapshots(settings: Settings) -> list[Path]:
    if not settings.published_file.exists():
        return []
    return old_snapshots(settings.published_file, settings.keep_snapshots)


def _sites(settings: Settings) -> list[Path]:
    versions = settings.site_dir.with_name(f"{settings.site_dir.name}-versions")
    if not versions.is_dir() or is_held(versions / ".lock"):
        return []
    current = settings.site_dir.resolve()
    half_written = [path for path in versions.glob("[!.]*") if path != current and not is_committed(path)]
    return sorted({*half_written, *old_sites(settings.site_dir, settings.keep_sites)})


def _quarantined(settings: Settings) -> Iterator[Path]:
    now = time.time()
    for entry in in_quarantine(settings):
        since = datetime.fromisoformat(entry.at).timestamp() if entry.at else entry.path.lstat().st_mtime
        if now - since > settings.keep_quarantine_days * DAY:
            yield entry.path
            yield entry.path.with_name(f"{entry.path.name}.json")


def old_results(settings: Settings) -> list[Path]:
    """Return the results of flow runs that Prefect has deleted."""
    results = (settings.data_dir / "prefect" / "storage").glob("[!.]*")
    return sorted(path for path in results if path.is_file() and age_of(path) > settings.keep_runs_days * DAY)


def _artifacts_of_nothing(settings: Settings) -> list[Path]:
    database = mlflow_database(settings)
    if not database:
        return []
    with reading(database) as connection:
        known = {name for (name,) in connection.execute((QUERIES / "mlflow_folders.sql").read_text())}
    artifacts = settings.mlflow_dir / "artifacts"
    folders = [*artifacts.glob("[!.]*/"), *artifacts.glob("models/[!.]*/")]
    return sorted(path for path in folders if path.name not in {*known, "models"} and age_of(path) > DAY)


def _is_leftover(path: Path) -> bool:
    """Whether the process that wrote a temporary file has died, judged by its folder's lock, or else by its age."""
    has_lock = (path.parent / ".writers").exists()
    return not has_writer(path.parent) if has_lock else age_of(path) > DAY


def has_writer(folder: Path) -> bool:
    """Whether a process holds the lock of `tasks.storage.writing` on a folder."""
    try:
        with open(folder / ".writers", "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def age_of(path: Path) -> float:
    """Return the seconds since a file, or anything in a folder, was last written."""
    return time.time() - max(inside.lstat().st_mtime for inside in (path, *path.rglob("*")))


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    return sum(inside.lstat().st_size for inside in (path, *path.rglob("*")) if not inside.is_dir())


def _moved_away(path: Path) -> Path | None:
    """Rename a file or folder to a temporary name, so that nobody finds it half deleted; None if it doesn't exist."""
    away = path.with_name(f".tmp-{uuid.uuid4().hex}-{path.name}")
    try:
        os.rename(path, away)
    except FileNotFoundError:
        return None
    return away


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
