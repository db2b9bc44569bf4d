"""What a warehouse may be stored in: a file, or a lake whose catalogue is a DuckDB file or a PostgreSQL database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from sqlalchemy import make_url

from tasks.settings import Settings
from tasks.warehouse.database import schema
from tasks.warehouse.lake import OWN_TABLES, copied_version, lake_of, record_copy
from tests.postgresql import new_database

FILE, LAKE_IN_FILE, LAKE_IN_POSTGRESQL = ("file", "lake, DuckDB", "lake, PostgreSQL")
every_backend = pytest.mark.parametrize("settings", [FILE, LAKE_IN_POSTGRESQL], indirect=True)
"""Runs a test with settings for a warehouse of one machine and for one of several."""


@contextmanager
def lake_in_postgresql(server: str) -> Iterator[str]:
    """Yield the setting of a new lake in a database of its own."""
    with new_database(server, "psycopg") as url:
        yield f"ducklake:postgres:{make_url(url).set(drivername='postgresql').render_as_string(hide_password=False)}"


def put_into_lake(settings: Settings) -> None:
    """Add the rows of the warehouse file to the lake, if there is one; it is empty."""
    if lake := lake_of(settings):
        keys = {name: table.key for name, table in schema().items()}
        record_copy(settings.warehouse_file, lake.add(settings.warehouse_file, None, lake.newest(), keys))


def contents(settings: Settings) -> dict[str, pl.DataFrame]:
    """Return the rows of the warehouse file by table; they are those of the lake, if there is one."""
    rows = rows_of(settings.warehouse_file)
    if lake := lake_of(settings):
        assert copied_version(settings.warehouse_file) == lake.newest()
        assert_same_rows(rows, rows_of_lake(settings))
    return rows


def rows_of(file: Path) -> dict[str, pl.DataFrame]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return {table: connection.table(table).pl() for table in schema()}


def rows_of_lake(settings: Settings) -> dict[str, pl.DataFrame]:
    """Return the rows of the lake's tables."""
    lake = lake_of(settings)
    assert lake is not None
    with duckdb.connect() as connection:
        lake.attach(connection, "lake", lake.newest())
        connection.execute("USE lake")
        found = connection.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'lake'").fetchall()
        return {table: connection.table(table).pl() for (table,) in found}


def assert_same_rows(file: dict[str, pl.DataFrame], lake: dict[str, pl.DataFrame]) -> None:
    assert lake.keys() == schema().keys() - OWN_TABLES
    for table, rows in lake.items():
        key = list(schema()[table].key)
        assert_frame_equal(rows.sort(key), file[table].sort(key))
