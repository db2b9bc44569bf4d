"""Query the published snapshot in SQL: as a DataFrame in this process, or row by row from a process with limits."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from tasks.errors import UserError, reason_of
from tasks.settings import Settings

if TYPE_CHECKING:
    import polars

SAME_IN_POLARS = {"boolean", "tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint"}
SAME_IN_POLARS |= {"float", "double", "decimal", "varchar", "enum", "uuid", "blob"}
FINITE_IN_POLARS = {"date", "timestamp", "timestamp with time zone"}


def query(sql: str, settings: Settings) -> "polars.DataFrame":
    """Return the rows of `sql` over the published snapshot as a polars DataFrame.

    Raises UserError as `open_snapshot`, for statements that DuckDB refuses, and for values that polars would change.
    """
    from polars.exceptions import PolarsError

    from tasks.warehouse.snapshot import open_snapshot, refuse_all_but_reading

    with open_snapshot(settings.published_file) as connection:
        refuse_all_but_reading(sql, connection)
        rows = connection.sql(sql)
        columns = zip(rows.columns, rows.types, strict=True)
        exact = rows.project(", ".join(_for_polars(place, *column) for place, column in enumerate(columns, start=1)))
        try:
            return exact.pl()
        except PolarsError as error:
            raise UserError(
                f"a DataFrame can't hold the result: rename columns that have the same name ({reason_of(error)})"
            ) from error


def _for_polars(place: int, name: str, dtype) -> str:
    """Return the SQL expression of a column; DuckDB raises an error where polars would hold another value."""
    from tasks.warehouse.snapshot import quoted

    inner = dtype
    while inner.id in ("list", "array"):
        inner = inner.children[0][1]
    if inner.id in SAME_IN_POLARS:
        return f"#{place} AS {quoted(name)}"
    match dtype.id:
        case "hugeint":
            return f"CAST(#{place} AS DECIMAL(38, 0)) AS {quoted(name)}"
        case finite if finite in FINITE_IN_POLARS:
            error = f"error('a DataFrame can''t hold an infinite {dtype}: cast it to VARCHAR')"
            return f"CASE WHEN NOT isfinite(#{place}) THEN {error} ELSE #{place} END AS {quoted(name)}"
        case _:
            raise UserError(f"a DataFrame can't hold a {dtype} exactly: cast column {name} to VARCHAR")


def catalogue(settings: Settings) -> "polars.DataFrame":
    """Return a row per view and table: kind, name, comment, columns, rows (null for a view). Raises as `query`."""
    return query("FROM catalogue", settings)


class Answer(NamedTuple):
    """The answer to a query: names and kinds of its columns, and its rows, as `tasks.warehouse.reader` writes them."""

    columns: list[str]
    kinds: list
    rows: Iterator[list]


@contextmanager
def answer(sql: str, settings: Settings) -> Iterator[Answer]:
    """Yield the answer to `sql` over the published snapshot; its rows are read one by one.

    Raises UserError as `open_snapshot`, for statements that DuckDB refuses, and, also while rows are read, when DuckDB
    crashes or needs more than the settings `sql_memory` and `sql_seconds` allow.
    """
    request = {
        "published": str(settings.published_file),
        "sql": sql,
        "memory": settings.sql_memory,
        "seconds": settings.sql_seconds,
    }
    command = [sys.executable, "-P", "-m", "tasks.warehouse.reader"]
    reader = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8"
    )
    assert reader.stdin is not None
    with reader:
        try:
            with suppress(BrokenPipeError), reader.stdin:
                json.dump(request, reader.stdin)
            lines = _lines(reader, settings)
            yield Answer(**next(lines), rows=lines)
        finally:
            reader.kill()


def _lines(reader: subprocess.Popen, settings: Settings) -> Iterator:
    assert reader.stdout is not None
    for line in reader.stdout:
        if not line.endswith("\n"):  # the reader ended within a line
            break
        match json.loads(line):
            case {"error": message}:
                raise UserError(message)
            case read:
                yield read
    match reader.wait():
        case 0:
            return
        case code if code == -signal.SIGALRM:
            raise UserError(
                f"query failed: it took more than {settings.sql_seconds:g} s: select less, "
                "or raise KALEIDOSCOPE_SQL_SECONDS"
            )
        case code:
            end = signal.Signals(-code).name if code < 0 else f"code {code}"
            raise UserError(
                f"query failed: DuckDB ended with {end}: rephrase the query, or select less if memory is short"
            )
