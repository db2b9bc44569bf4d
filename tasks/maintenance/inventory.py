"""What lies in the data folder, and what refers to it.

Everything that is made is a folder named by its key, below `frames`, `activations`, `dictionaries`, `cavs` or
`attacks`. Rows, models and documents refer to it by that name, wherever it stands in their text.
"""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import polars
from polars import selectors

from tasks.checksums import is_committed, read_commit
from tasks.errors import UserError, reason_of
from tasks.liveness import is_held
from tasks.settings import Settings
from tasks.staging import staged_keys
from tasks.warehouse.database import SQL_DIR

KINDS = ("frames", "activations", "dictionaries", "cavs", "attacks")
QUERIES = SQL_DIR / "maintenance"
KEY = re.compile("[0-9a-f]{64}")
COMMITS = {
    "frames": "tables.txt",
    "activations": "manifest.json",
    "dictionaries": "metrics.json",
    "cavs": "cavs.safetensors",
    "attacks": "sha256.txt",
}
"""What committed a folder before there were checksums; of activations, what commits them still."""
LEFTOVERS = ".tmp-*"
FLOW_RUN = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Busy(UserError):
    """A database that another process writes to."""


class Unreadable(UserError):
    """A database that is damaged."""


def folders_of(kind: str, settings: Settings) -> list[Path]:
    """Folders of a kind, in order of their names; without what `.tmp-…` is left of."""
    return sorted(path for path in (settings.data_dir / kind).glob("[!.]*/"))


def is_finished(kind: str, folder: Path) -> bool:
    """Whether whoever made a folder came to the end; its files may have been damaged since."""
    return is_committed(folder) or (folder / COMMITS[kind]).is_file()


def leftovers(settings: Settings) -> list[Path]:
    """Temporary files and folders of killed processes, and of those that are at work."""
    found = (path for path in settings.data_dir.rglob(LEFTOVERS) if settings.quarantine_dir not in path.parents)
    return sorted(path for path in found if not any(above.match(LEFTOVERS) for above in path.parents))


def flow_runs_going_on(settings: Settings) -> list[Path]:
    """Locks of the flow runs whose process lives."""
    locks = settings.running_dir.glob("*.lock")
    return sorted(lock for lock in locks if FLOW_RUN.fullmatch(lock.stem) and is_held(lock))


@contextmanager
def reading(database: Path) -> Iterator[sqlite3.Connection]:
    """A SQLite database, read-only, also on a disk that is. Raises sqlite3.Error."""
    uri = f"{database.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=60)) as connection:
        try:
            connection.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.OperationalError:  # one with a write-ahead log wants to make files beside it
            with closing(sqlite3.connect(f"{uri}&immutable=1", uri=True)) as unchanging:
                yield unchanging
                return
        yield connection


def mlflow_database(settings: Settings) -> Path | None:
    """The data folder's own MLflow store, None where there is none."""
    database = settings.mlflow_dir / "mlflow.db"
    return database if settings.tracking_uri is None and database.is_file() else None


def referred_to(settings: Settings, warehouse: duckdb.DuckDBPyConnection | None) -> set[str]:
    """Every key that a row, staged or loaded or published, a registered model or an unfinished MLflow run names,
    and every key that what they name is made from.

    Raises UserError where something can't be read, as it might refer to anything.
    """
    keys, loaded = set[str](), set[str]()
    if settings.published_file.exists():
        with open_read_only(settings.published_file.resolve()) as snapshot:
            keys |= keys_in(snapshot)
    if warehouse:
        keys |= keys_in(warehouse)
        loaded = {key for (key,) in warehouse.execute("SELECT load_key FROM loads").fetchall()}
    for key in staged_keys(settings):
        keys.add(key)
        if key not in loaded:
            keys |= keys_in_tables(settings.staging_dir / key)
    keys |= keys_in_mlflow(settings)
    for key in sorted(keys):
        config = settings.dictionaries_dir / key / "config.json"
        if config.is_file():
            keys.add(_document(config)["activation_set"])
    return keys


@contextmanager
def open_read_only(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Raises Unreadable where DuckDB can't open or read the file, Busy where another process writes to it."""
    try:
        with duckdb.connect(str(file), read_only=True) as connection:
            yield connection
    except duckdb.Error as error:
        if "set lock" in str(error):
            raise Busy(f"{file} is being written by another process: run again when it is done") from error
        raise Unreadable(f"can't read {file}: {reason_of(error)}") from error


def keys_in(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Every key that stands in the text of a table."""
    found = set()
    for table, column in connection.execute((QUERIES / "text_columns.sql").read_text()).fetchall():
        texts = connection.execute(f'SELECT DISTINCT "{column}"::VARCHAR FROM "{table}"').fetchall()
        found |= {key for (text,) in texts if text for key in KEY.findall(text)}
    return found


def keys_in_tables(folder: Path) -> set[str]:
    """As `keys_in`, of a folder of staged tables, also of one without checksums. UserError: one is damaged."""
    if is_committed(folder):
        read_commit(folder, "run `kaleidoscope run publish`, which sets it aside")
    found = set()
    for file in folder.glob("*.parquet"):
        try:
            frame = polars.read_parquet(file)
        except (OSError, polars.exceptions.PolarsError) as error:
            raise UserError(f"can't read {file}: {type(error).__name__}; run `kaleidoscope run publish`") from error
        for column in frame.select(selectors.string()):
            found |= {key for text in column.unique() if text for key in KEY.findall(text)}
    return found


def keys_in_mlflow(settings: Settings) -> set[str]:
    """Keys in the tags of registered models and of unfinished runs."""
    database = mlflow_database(settings)
    if not database:
        return set()
    try:
        with reading(database) as connection:
            rows = connection.execute((QUERIES / "mlflow_tags.sql").read_text()).fetchall()
    except sqlite3.Error as error:
        raise UserError(f"can't read {database}: {error}; restore it from a backup") from error
    return {key for (value,) in rows for key in KEY.findall(value)}


def _document(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(f"can't read {path}: {error}; run `kaleidoscope verify`") from error
