"""The warehouse file: its schema and the one connection that may write to it."""

import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import duckdb
from filelock import FileLock, Timeout

from tasks.errors import UserError, reason_of
from tasks.settings import ROOT, Settings
from tasks.storage import atomic_file

SQL_DIR = ROOT / "sql"


class Table(NamedTuple):
    """What `sql/schema` says of a table: names and types of its columns in order, and which are the primary key."""

    columns: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    key: tuple[str, ...] = ()


def sql_files(folder: str) -> list[Path]:
    """The files of `sql/<folder>`, in the order of their names."""
    return sorted((SQL_DIR / folder).glob("*.sql"))


def create_schema(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables that are not there yet."""
    for file in sql_files("schema"):
        connection.execute(file.read_text(encoding="utf-8"))


def create_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the analysts' views over the tables."""
    for file in sql_files("views"):
        connection.execute(file.read_text(encoding="utf-8"))


@cache
def schema() -> dict[str, Table]:
    """The tables of `sql/schema` by name, a referenced table before those that refer to it."""
    with duckdb.connect() as memory:
        create_schema(memory)
        return _tables_of(memory)


def _tables_of(connection: duckdb.DuckDBPyConnection) -> dict[str, Table]:
    tables: dict[str, Table] = {}
    for name, column, data_type, in_key in connection.execute((SQL_DIR / "tables.sql").read_text()).fetchall():
        columns, types, key = tables.get(name, Table())
        tables[name] = Table((*columns, column), (*types, data_type), (*key, column) if in_key else key)
    return tables


@contextmanager
def writing_to(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The one connection that makes or changes a database file, whatever the folders above it are called."""
    if "?" not in str(file):
        with duckdb.connect(str(file)) as connection:
            yield connection
        return
    # DuckDB takes `?` for the begin of parameters and looks for its log elsewhere: it works on a copy with a plain path
    with TemporaryDirectory(prefix="kaleidoscope-") as folder:
        copy = Path(folder) / file.name
        if file.exists():
            shutil.copyfile(file, copy)
        try:
            with duckdb.connect(str(copy)) as connection:
                yield connection
        finally:
            with atomic_file(file) as temporary:
                shutil.copyfile(copy, temporary)


@contextmanager
def open_warehouse(settings: Settings, *, must_exist: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """The writing connection; makes the file and missing tables unless `must_exist`.

    Raises UserError when another process holds the file, when it is no warehouse of this schema, or when it must exist
    and does not.
    """
    file = settings.warehouse_file
    if must_exist and not file.exists():
        raise UserError(f"nothing has been loaded into {file} yet: run `kaleidoscope run atlas` first")
    with ExitStack() as opened:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            if "?" in str(file):  # of a copy DuckDB can't know who has it too
                opened.enter_context(FileLock(file.with_suffix(".lock"), timeout=0))
            connection = opened.enter_context(writing_to(file))
        except (duckdb.Error, OSError) as error:  # a Timeout of the lock too is an OSError
            raise _open_error(file, error) from error
        _bring_schema_up_to_date(connection, file)
        yield connection


def _open_error(file: Path, error: Exception) -> UserError:
    if isinstance(error, Timeout) or "set lock" in str(error):
        holder = re.search(r"PID \d+", str(error))
        return UserError(
            f"warehouse {file} is in use by another process ({holder[0] if holder else 'PID unknown'}): "
            "wait until it has ended, or stop it"
        )
    return UserError(f"can't open warehouse {file}: {reason_of(error)}")


def _bring_schema_up_to_date(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    found = _tables_of(connection)
    changed = [name for name, table in schema().items() if name in found and found[name] != table]
    if changed:
        raise UserError(
            f"warehouse {file} was made with another sql/schema (tables {', '.join(changed)} differ): "
            "move it away and load again"
        )
    if found.keys() >= schema().keys():
        return
    try:
        connection.begin()
        create_schema(connection)
        connection.commit()
    except duckdb.Error as error:
        raise UserError(f"can't create the tables in warehouse {file}: {reason_of(error)}") from error
