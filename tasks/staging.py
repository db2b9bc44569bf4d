"""Staging: the tables that a stage writes for the warehouse, one Parquet file a table in one committed folder a key."""

import fcntl
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import polars

from tasks.checksums import COMMIT, Damaged, commit_folder, commit_of, is_committed, read_commit
from tasks.errors import UserError
from tasks.migrations import CannotMigrate, migrated_tables, refuse_newer, schema_version
from tasks.provenance import Made, made_now
from tasks.quarantine import in_quarantine, set_aside
from tasks.settings import Settings
from tasks.shared import fetch_folder, share, shared_document, shared_store
from tasks.storage import atomic_file, writing

REMEDY = "run the flow that makes it again, or `kaleidoscope run publish` to have it set aside"
BEFORE_CHECKSUMS = "tables.txt"
"""The list of tables that committed a folder before checksums were introduced; its tables have schema version 1."""
WRITTEN = re.compile(r"\.writers|\.tmp-.*|[a-z_]+\.parquet")
"""Names of the files that a stage writes before it commits a folder."""


def _folder(key: str, settings: Settings) -> Path:
    return settings.staging_dir / key


def is_staged(key: str, settings: Settings) -> bool:
    """Whether a stage has finished, here or on a machine with the same shared store.

    Staged tables that can't be used are set aside, so that they are copied from there or made again.
    """
    folder = _folder(key, settings)
    for _ in ("as it is here", "as it is in the shared store"):
        try:
            _adopt(folder)
            if not (is_committed(folder) or fetch_folder(folder, settings)):
                return False
            _version(folder, read_commit(folder, REMEDY))
            return True
        except Damaged as error:
            set_aside(folder, str(error), settings)
    return False


def stage_tables(
    key: str,
    tables: dict[str, polars.DataFrame],
    settings: Settings,
    made_before: Mapping[str, Made | None] = MappingProxyType({}),
) -> None:
    """Write {table: rows}. The checksums are written last: they commit the tables.

    made_before: {table: how the results were made that it is about}, where that was before, None where it is not known;
    the others are made now. Where the key is staged already, its first stage made them.
    """
    folder = _folder(key, settings)
    with writing(folder):
        for table, rows in tables.items():
            with atomic_file(folder / f"{table}.parquet") as temporary:
                rows.write_parquet(temporary)
        about = {"made_by": _made_by(folder), "made_before": dict(made_before)}
        commit_folder(folder, [f"{table}.parquet" for table in tables], schema_version=schema_version(), **about)
        share([folder / f"{table}.parquet" for table in tables], folder / COMMIT, settings)


def fetch_staged(settings: Settings) -> None:
    """Copy the tables that other machines staged from the shared store. Those that were set aside here stay away."""
    if store := shared_store(settings):
        aside = (damaged.path / COMMIT for damaged in in_quarantine(settings))
        refused = {commit.read_bytes() for commit in aside if commit.is_file()}
        for key in store.folders_with(settings.staging_dir.name, COMMIT):
            folder = _folder(key, settings)
            if is_committed(folder):
                continue
            found = shared_document(folder / COMMIT, settings)
            if found and found[0] not in refused:
                fetch_folder(folder, settings)


def _made_by(folder: Path) -> Made | None:
    """Return how tables are made that are about to be committed: now, or as those that are committed already."""
    try:
        return commit_of(folder, REMEDY).get("made_by")
    except Damaged:  # or not there
        return made_now()


def staged_provenance(key: str, settings: Settings) -> dict[str, Made | None]:
    """Return {table: how it was made} of a committed key's tables; None where it is not known. Raises Damaged."""
    commit = commit_of(_folder(key, settings), REMEDY)
    made, before = commit.get("made_by"), commit.get("made_before", {})
    return {table: before.get(table, made) for table in (Path(name).stem for name in commit["files"])}


def read_staged(key: str, settings: Settings) -> dict[str, polars.DataFrame]:
    """Return the staged tables of a key, {table: rows}, migrated to the current schema.

    Raises UserError when its stage hasn't finished, Damaged when a file has changed since it was committed, or when the
    tables have another schema and can't be migrated.
    """
    tables, version = read_unmigrated(key, settings)
    if version == schema_version():
        return tables
    try:
        return migrated_tables(tables, version)
    except CannotMigrate as error:
        raise Damaged(_folder(key, settings), f"has tables of schema version {version}: {error}", REMEDY) from error


def read_unmigrated(key: str, settings: Settings) -> tuple[dict[str, polars.DataFrame], int]:
    """Return the tables of a key as they were staged, and the version of their schema. Raises as `read_staged`."""
    folder = _folder(key, settings)
    _adopt(folder)
    if not (is_committed(folder) or fetch_folder(folder, settings)):
        raise UserError(f"no staged tables for {key} in {settings.staging_dir}; run the stage that makes them first")
    commit = read_commit(folder, REMEDY)
    tables = {}
    for name in commit["files"]:
        try:
            tables[Path(name).stem] = polars.read_parquet(folder / name)
        except (OSError, polars.exceptions.PolarsError) as error:  # the checksum is right, but it is no Parquet file
            raise Damaged(folder / name, f"can't be read ({_first_line(error)})", REMEDY) from error
    return tables, _version(folder, commit)


def staged_keys(settings: Settings) -> list[str]:
    """Return the keys of all folders that claim to be committed, sorted. Their files are checked when they are read."""
    folders = settings.staging_dir.glob("*/")
    return sorted(folder.name for folder in folders if _claims_to_be_committed(folder) and not folder.is_symlink())


def staged_tables(key: str, settings: Settings) -> list[str]:
    """Return the names of a committed key's tables without reading them. Raises Damaged when its list of files is."""
    folder = _folder(key, settings)
    _adopt(folder)
    return [Path(name).stem for name in commit_of(folder, REMEDY)["files"]]


def staged_version(key: str, settings: Settings) -> int | None:
    """Return the version of the schema that a key was staged for; None if it has no checksums yet. Raises Damaged."""
    folder = _folder(key, settings)
    return _version(folder, commit_of(folder, REMEDY)) if is_committed(folder) else None


def set_strays_aside(settings: Settings) -> None:
    """Set aside every file or folder in the staging folder that is not a staged key and is not becoming one."""
    for path in sorted(settings.staging_dir.glob("[!.]*")):
        if path.is_symlink() or not path.is_dir():
            set_aside(path, "is not a folder of staged tables", settings)
        elif not _claims_to_be_committed(path):
            _set_uncommitted_aside(path, settings)


def _set_uncommitted_aside(folder: Path, settings: Settings) -> None:
    """Set an uncommitted folder aside, unless its stage is at work and holds the lock of `writing`, or soon will."""
    foreign = [file.name for file in folder.iterdir() if not WRITTEN.fullmatch(file.name)]
    if not foreign and not any(folder.glob("*.parquet")):
        return  # a stage has just begun or restarted here
    with open(folder / ".writers", "ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if not _claims_to_be_committed(folder):
            holds = f"; it holds {', '.join(sorted(foreign))}" if foreign else ""
            set_aside(folder, f"was never finished, or its {COMMIT} is missing{holds}", settings)


def _claims_to_be_committed(folder: Path) -> bool:
    return is_committed(folder) or (folder / BEFORE_CHECKSUMS).is_file()


def _version(folder: Path, commit: dict[str, Any]) -> int:
    """Return the version of the schema that a folder was staged for. Raises Damaged for no version or a newer one."""
    version = commit.get("schema_version")
    if not isinstance(version, int):
        raise Damaged(folder, "holds no staged tables", REMEDY)
    try:
        refuse_newer(version)
    except CannotMigrate as error:
        raise Damaged(folder, str(error), "or run the flow that makes it again") from error
    return version


def _adopt(folder: Path) -> None:
    """Commit a folder from before checksums were introduced. Raises Damaged when one of its files can't be read."""
    tables = folder / BEFORE_CHECKSUMS
    if is_committed(folder) or not tables.is_file():
        return
    names = [f"{table}.parquet" for table in tables.read_text(encoding="utf-8", errors="replace").split()]
    for name in names:
        try:
            polars.read_parquet(folder / name)
        except (OSError, polars.exceptions.PolarsError) as error:
            raise Damaged(folder / name, f"can't be read ({_first_line(error)})", REMEDY) from error
    with writing(folder):
        commit_folder(folder, names, schema_version=1)
        tables.unlink()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
