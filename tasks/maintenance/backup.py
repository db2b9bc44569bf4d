"""Backup and restore of everything that can't be computed again, or only in days, with the SHA-256 of every file.

`backup.json` is written last; a folder without it is not a backup. Runs may go on during a backup: committed files
never change, and a reference is always written after the file that it names. So each database is copied first, in a
consistent state, and then the files that the databases refer to. Not copied are the page, logs, quarantine, unfinished
work and, unless requested, the shards of activations. An activation set without shards is restored as planned but not
extracted; its extraction makes the same shards again.
"""

import hashlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from tasks.activations.plan import ExtractionPlan
from tasks.activations.shards import ActivationSet
from tasks.checksums import COMMIT, Damaged, read_commit, read_document, write_document
from tasks.errors import UserError
from tasks.keys import CHUNK_BYTES, file_sha256
from tasks.liveness import Holder, waiting_for
from tasks.maintenance.garbage import alone_in
from tasks.maintenance.inventory import (
    Unreadable,
    folders_of,
    is_finished,
    mlflow_database,
    open_read_only,
    reading,
)
from tasks.progress import Progress, silent
from tasks.settings import Settings, without_passwords
from tasks.shared import fetch_document, fetch_file
from tasks.storage import naming_disk_problems, new_folder
from tasks.tracking.addresses import move_addresses
from tasks.tracking.store import artifacts_folder
from tasks.warehouse.lake import lake_of

DOCUMENT = "backup.json"
FORMAT = 1
SMALL = ("frames", "cavs", "attacks", "dictionaries")
"""Kinds of folders whose files are all copied; a kind comes before the kinds that it refers to."""
DAMAGED = "take another backup"
Say = Callable[[str], object]


class Backup(NamedTuple):
    """A finished backup or restore.

    files, bytes: how many were copied; left_out: file or folder -> why it was not copied: it is damaged.
    """

    files: int
    bytes: int
    left_out: dict[str, str]


def back_up(
    destination: Path, settings: Settings, *, activations: bool, say: Say, progress: Progress = silent
) -> Backup:
    """Copy the data folder into a new folder, which gets its name only when it is complete.

    activations: copy the shards too; say: called with the holder of the warehouse while waiting for it, and with
    each database that is elsewhere and so isn't copied. Raises
    UserError when the destination is not empty, is inside the data folder or is on a full disk, when there is no data
    folder, and when gc is running on it.
    """
    if not settings.data_dir.is_dir():
        raise UserError(f"{settings.data_dir} is not a folder: set KALEIDOSCOPE_DATA_DIR to the data folder")
    destination = destination.absolute()
    if destination.resolve().is_relative_to(settings.data_dir.resolve()):
        raise UserError(f"{destination} is inside the data folder: choose a folder elsewhere")
    with alone_in(settings.data_dir, shared=True), new_folder(destination) as folder:
        copier = _Copier(settings.data_dir, folder)
        with naming_disk_problems(destination):
            left_out = _copy_databases(copier, settings, say)
            left_out |= _copy_folders(copier, settings, activations, progress)
        write_document(
            folder / DOCUMENT,
            {
                "format": FORMAT,
                "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "files": copier.files,
                "links": copier.links,
                "left_out": left_out,
            },
        )
        return Backup(len(copier.files), sum(size for _, size in copier.files.values()), left_out)


def restore(source: Path, settings: Settings, progress: Progress = silent) -> Backup:
    """Restore the data folder, which must be absent or empty, from the backup at `source`.

    All files are checked before anything is written, and each copy is checked after it was written. Raises UserError
    when the data folder is not empty, when `source` is not a backup or is damaged, and when the disk is full.
    """
    document = read_document(source / DOCUMENT, "give the folder of a complete backup")
    if document["format"] != FORMAT:
        raise UserError(
            f"{source} was written by a newer version (format {document['format']}): restore it with that version"
        )
    files = document["files"]
    with new_folder(settings.data_dir) as folder:
        for done, (name, (sha256, _)) in enumerate(files.items(), start=1):
            _check(source / name, sha256)
            progress(done, 2 * len(files))
        copier = _Copier(source, folder)
        for done, (name, (sha256, _)) in enumerate(files.items(), start=1):
            with naming_disk_problems(settings.data_dir):
                copier.copy(source / name)
            _check(folder / name, sha256)
            progress(len(files) + done, 2 * len(files))
        for name, target in document["links"].items():
            (folder / name).symlink_to(target)
        database = folder / "mlflow" / "mlflow.db"
        if database.exists():
            move_addresses(database, artifacts_folder(settings))
    return Backup(len(files), sum(size for _, size in files.values()), document["left_out"])


class _Copier:
    """Copy files from the folder `source` into the folder `target`, under the same relative names.

    files: name -> (SHA-256, bytes) of each copied file; links: name -> target of each symbolic link.
    """

    def __init__(self, source: Path, target: Path):
        self.source, self.target = source, target
        self.files: dict[str, tuple[str, int]] = {}
        self.links: dict[str, str] = {}

    def place(self, file: Path) -> Path:
        """Return the path for the copy of a file, and create its folder."""
        path = self.target / file.relative_to(self.source)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def record(self, file: Path) -> None:
        """Record a copy that was written by other means."""
        copy = self.place(file)
        with open(copy, "rb+") as written:
            os.fsync(written.fileno())
        self.files[str(file.relative_to(self.source))] = (file_sha256(copy), copy.stat().st_size)

    def copy(self, file: Path) -> str:
        """Copy a file and return the SHA-256 of its content."""
        digest = hashlib.sha256()
        place = self.place(file)
        with open(file, "rb") as source, open(place, "xb") as target:
            while chunk := source.read(CHUNK_BYTES):
                digest.update(chunk)
                target.write(chunk)
            target.flush()
            os.fsync(target.fileno())
        shutil.copymode(file, place)
        self.files[str(file.relative_to(self.source))] = (digest.hexdigest(), place.stat().st_size)
        return digest.hexdigest()

    def forget(self, path: Path) -> None:
        """Delete the copy of a file or a folder."""
        inside = path.relative_to(self.source)
        for name in [name for name in self.files if Path(name).is_relative_to(inside)]:
            (self.target / name).unlink()
            del self.files[name]


def _copy_databases(copier: _Copier, settings: Settings, say: Say) -> dict[str, str]:
    """Copy each database in a consistent state; return {name: reason} of the damaged ones that can be rebuilt."""
    left_out = {}
    if settings.warehouse_file.exists():
        holder = Holder(name="kaleidoscope", does="backup")
        waiting = waiting_for("the warehouse", settings.warehouse_lock, holder, say)
        # a lock can't be written on a read-only disk, and needn't: nobody can change anything there
        with nullcontext() if os.statvfs(settings.data_dir).f_flag & os.ST_RDONLY else waiting:
            try:
                with open_read_only(settings.warehouse_file):
                    # in another process: closing the file in this process would release DuckDB's lock on it
                    _run("cp", str(settings.warehouse_file), str(copier.place(settings.warehouse_file)))
                copier.record(settings.warehouse_file)
                if (log := settings.warehouse_file.with_name(f"{settings.warehouse_file.name}.wal")).exists():
                    copier.copy(log)
            except Unreadable as error:
                left_out[str(settings.warehouse_file.relative_to(settings.data_dir))] = str(error)
    if settings.published_file.exists():
        snapshot = settings.published_file.resolve()
        if copier.copy(snapshot) == snapshot.stem:
            copier.links[str(settings.published_file.relative_to(settings.data_dir))] = f"snapshots/{snapshot.name}"
        else:
            copier.forget(snapshot)
            left_out[str(snapshot.relative_to(settings.data_dir))] = "is damaged (its checksum is not its name)"
    if lake := lake_of(settings):
        say(f"the lake is not in this backup, only this machine's copy: back up {lake} and {lake.files}")
    elsewhere = {"MLflow": settings.tracking_uri, "Prefect": settings.prefect_database_url}
    for name, url in elsewhere.items():
        if url:
            say(f"{name}'s database is not in this backup: back up {without_passwords(url)} with its own tools")
    prefect = None if settings.prefect_database_url else settings.prefect_file
    for database in (mlflow_database(settings), prefect):
        if database and database.is_file():
            try:
                with reading(database) as source, closing(sqlite3.connect(copier.place(database))) as target:
                    source.backup(target)
                    target.execute("PRAGMA journal_mode = DELETE")
            except sqlite3.Error as error:
                raise UserError(f"can't copy {database} to {copier.target.parent}: {error}") from error
            copier.record(database)
    return left_out


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"can't copy: {' '.join(done.stderr.split())}")


def _copy_folders(copier: _Copier, settings: Settings, activations: bool, progress: Progress) -> dict[str, str]:
    """Copy what the databases refer to; return {name: reason} of the damaged folders."""
    left_out = {}
    plain = [settings.mlflow_dir / "artifacts", settings.data_dir / "prefect" / "storage"]
    kinds = [*SMALL, "activations"]
    folders = [(kind, folder) for kind in kinds for folder in folders_of(kind, settings) if _is_committed(kind, folder)]
    total = len(folders) + len(plain)
    for done, (kind, folder) in enumerate(folders, start=1):
        try:
            for file, sha256 in _files_of(kind, folder, settings, activations):
                if copier.copy(file) != sha256 and sha256:
                    raise Damaged(file, "was damaged while it was copied", "back up again")
        except (UserError, FileNotFoundError) as error:
            copier.forget(folder)
            left_out[str(folder.relative_to(settings.data_dir))] = str(error)
        progress(done, total)
    for done, folder in enumerate(plain, start=len(folders) + 1):
        for file in sorted(folder.rglob("*")):
            if file.is_file() and not file.name.startswith(".tmp-"):
                copier.copy(file)
        progress(done, total)
    return left_out


def _is_committed(kind: str, folder: Path) -> bool:
    return (folder / "plan.json").is_file() if kind == "activations" else is_finished(kind, folder)


def _files_of(kind: str, folder: Path, settings: Settings, activations: bool) -> Iterator[tuple[Path, str | None]]:
    """Yield the files to copy, with their SHA-256 or None if none was written. Raises UserError when one is damaged."""
    if kind == "activations":
        plan = ExtractionPlan.open(folder.name, settings)
        names = {"plan.json": None} | dict.fromkeys(["rows.parquet", "images.parquet", "quarantine.parquet"])
        if activations and (folder / "manifest.json").is_file():
            shards = ActivationSet.open(plan.key, settings).shards
            for shard in shards:  # some may be in the shared store alone
                fetch_file(folder / f"shard-{shard.index:05d}.safetensors", shard.sha256, settings)
                fetch_document(folder / f"shard-{shard.index:05d}.json", settings)
            names |= {f"shard-{shard.index:05d}.safetensors": shard.sha256 for shard in shards}
            names |= dict.fromkeys([*(f"shard-{shard.index:05d}.json" for shard in shards), "manifest.json"])
    elif (folder / COMMIT).is_file():
        names = {**read_commit(folder, "run `kaleidoscope verify`")["files"], COMMIT: None}
    else:  # from before checksums were introduced: the next run that reads it checks what it can
        names = dict.fromkeys(sorted(file.name for file in folder.glob("[!.]*") if file.is_file()))
    for name, sha256 in names.items():
        yield folder / name, sha256


def _check(path: Path, sha256: str) -> None:
    if not path.is_file():
        raise Damaged(path, "is missing", DAMAGED)
    if file_sha256(path) != sha256:
        raise Damaged(path, "is damaged (its checksum is wrong)", DAMAGED)
