"""What the data folder contains, and what refers to it.

Every result is a folder named by its content key, below `frames` (staged tables), `activations`, `dictionaries`, `cavs`
or `attacks`. Rows, models and documents refer to a result by its key, anywhere in their text.
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
from tasks.errors import UserError, one_line, reason_of
from tasks.liveness import is_held
from tasks.settings import Settings, without_passwords
from tasks.staging import staged_keys
from tasks.tracking.store import artifact_location
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
"""The file that committed a folder before checksums were introduced; for activations it still does."""
LEFTOVERS = ".tmp-*"
FLOW_RUN = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Busy(UserError):
    """Another process writes to the database."""


class Unreadable(UserError):
    """The database is damaged."""


def folders_of(kind: str, settings: Settings) -> list[Path]:
    """Return the folders of a kind, sorted by name, without temporary ones (`.tmp-…`)."""
    return sorted(path for path in (settings.data_dir / kind).glob("[!.]*/"))


def is_finished(kind: str, folder: Path) -> bool:
    """Whether a folder was completely written; its files may have been damaged since."""
    return is_committed(folder) or (folder / COMMITS[kind]).is_file()


def leftovers(settings: Settings) -> list[Path]:
    """Return the temporary files and folders, both of killed processes and of those at work."""
    temporary = (path for path in settings.data_dir.rglob(LEFTOVERS) if settings.quarantine_dir not in path.parents)
    return sorted(path for path in temporary if not any(above.match(LEFTOVERS) for above in path.parents))


def flow_runs_going_on(settings: Settings) -> list[Path]:
    """Return the lock files of the flow runs whose process is alive."""
    locks = settings.running_dir.glob("*.lock")
    return sorted(lock for lock in locks if FLOW_RUN.fullmatch(lock.stem) and is_held(lock))


@contextmanager
def reading(database: Path) -> Iterator[sqlite3.Connection]:
    """Open a SQLite database read-only, also on a read-only disk. Raises sqlite3.Error."""
    uri = f"{database.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=60)) as connection:
        try:
            connection.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.OperationalError:  # for a write-ahead log, SQLite must create files beside the database
            with closing(sqlite3.connect(f"{uri}&immutable=1", uri=True)) as unchanging:
                yield unchanging
                return
        yield connection


def mlflow_database(settings: Settings) -> Path | None:
    """Return the file of the data folder's own MLflow store; None if there is none."""
    database = settings.mlflow_dir / "mlflow.db"
    return database if settings.tracking_uri is None and database.is_file() else None


def referred_to(settings: Settings, warehouse: duckdb.DuckDBPyConnection | None) -> set[str]:
    """Return all keys that are in use.

    These are the keys in staged, loaded and published rows, in registered models and in unfinished MLflow runs, and the
    keys of the activation sets that these dictionaries were trained on. Raises UserError when something can't be read,
    because it might refer to any key.
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
    """Open a DuckDB file read-only.

    Raises Unreadable when DuckDB can't open or read it, also within the block, and Busy when another process writes to
    it.
    """
    try:
        with duckdb.connect(str(file), read_only=True) as connection:
            yield connection
    except duckdb.Error as error:
        if "set lock" in str(error):
            raise Busy(f"another process is writing {file}: run again when it is done") from error
        raise Unreadable(f"can't read {file}: {reason_of(error)}") from error


def keys_in(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return every key that occurs in a text column of a table."""
    keys = set()
    for table, column in connection.execute((QUERIES / "text_columns.sql").read_text()).fetchall():
        texts = connection.execute(f'SELECT DISTINCT "{column}"::VARCHAR FROM "{table}"').fetchall()
        keys |= {key for (text,) in texts if text for key in KEY.findall(text)}
    return keys


def keys_in_tables(folder: Path) -> set[str]:
    """Return every key that occurs in a text column of the staged tables in a folder, with or without checksums.

    Raises UserError when a table is damaged.
    """
    if is_committed(folder):
        read_commit(folder, "run `kaleidoscope run publish`, which sets it aside")
    keys = set()
    for file in folder.glob("*.parquet"):
        try:
            rows = polars.read_parquet(file)
        except (OSError, polars.exceptions.PolarsError) as error:
            raise UserError(f"can't read {file}: {type(error).__name__}; run `kaleidoscope run publish`") from error
        for column in rows.select(selectors.string()):
            keys |= {key for text in column.unique() if text for key in KEY.findall(text)}
    return keys


def keys_in_mlflow(settings: Settings) -> set[str]:
    """Return the keys in the tags of registered models and of unfinished MLflow runs, where the store is a database."""
    query = (QUERIES / "mlflow_tags.sql").read_text()
    database = settings.mlflow_database
    if database is None:
        rows = _rows_on_server(query, settings.mlflow_tracking_uri) if artifact_location(settings) else []
    elif database.is_file():
        try:
            with reading(database) as connection:
                rows = connection.execute(query).fetchall()
        except sqlite3.Error as error:
            raise UserError(f"can't read {database}: {error}; restore it from a backup") from error
    else:
        rows = []
    return {key for (value,) in rows for key in KEY.findall(value)}


def _rows_on_server(query: str, url: str) -> list:
    """Return the rows of a query in MLflow's tables on a database server; none if it has no such tables yet."""
    from sqlalchemy import create_engine, inspect, text
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with create_engine(url).connect() as connection:
            return [*connection.execute(text(query))] if inspect(connection).has_table("model_versions") else []
    except (SQLAlchemyError, ImportError) as error:
        reason = one_line(without_passwords(str(error)))
        raise UserError(f"can't read MLflow's database {without_passwords(url)}: {reason}") from error


def _document(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UserError(f"can't read {path}: {error}; run `kaleidoscope verify`") from error
