"""Ask the published snapshot in SQL: read-only, and with no way out of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl

from tasks.errors import UserError
from tasks.keys import file_sha256
from tasks.settings import Settings
from tasks.warehouse.database import one_line

NO_WAY_OUT = {
    "enable_external_access": "false",  # no files, no network, no extensions, no ATTACH
    "python_enable_replacements": "false",  # names are tables, never Python variables
    "lock_configuration": "true",
}


def query(sql: str, settings: Settings) -> pl.DataFrame:
    """Rows of `sql` over the published snapshot. UserError as `open_snapshot`, and for whatever DuckDB refuses."""
    with open_snapshot(settings) as connection:
        if not connection.extract_statements(sql):
            raise UserError("the query is empty: write a SELECT")
        try:
            return connection.execute(sql).pl()
        except pl.exceptions.PolarsError as error:
            raise UserError(f"no frame can hold the result: cast odd columns to VARCHAR ({one_line(error)})") from error


def catalogue(settings: Settings) -> pl.DataFrame:
    """One row per view and table: kind, name, comment, columns, rows (null for a view). UserError as `query`."""
    return query("FROM catalogue", settings)


@contextmanager
def open_snapshot(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that can read the published snapshot and do nothing else; what DuckDB raises comes out as UserError.

    Raises UserError when nothing was published, or when the file is not the one that was published.
    """
    snapshot = _verified_snapshot(settings)
    try:
        # DuckDB takes `?` for the begin of parameters and looks for a log elsewhere, which NO_WAY_OUT would forbid
        early, late = ({}, NO_WAY_OUT) if "?" in str(snapshot) else (NO_WAY_OUT, {})
        with duckdb.connect(str(snapshot), read_only=True, config=early) as connection:
            for name, value in late.items():
                connection.execute(f"SET {name} = {value}")
            yield connection
    except duckdb.Error as error:
        raise UserError(f"query failed: {one_line(error)}") from error


def _verified_snapshot(settings: Settings) -> Path:
    published = settings.published_file
    if not published.is_symlink() and not published.exists():
        raise UserError(f"nothing is published at {published} yet: run `kaleidoscope run atlas` first")
    snapshot = published.resolve()
    try:
        found = file_sha256(snapshot)
    except OSError as error:
        raise UserError(f"can't read the published file {published}: {error.strerror}; publish again") from error
    if found != snapshot.stem:
        raise UserError(
            f"the published file {published} was changed after it was published: "
            "publish again with `kaleidoscope run publish`"
        )
    return snapshot
