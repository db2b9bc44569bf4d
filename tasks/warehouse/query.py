"""Ask the published snapshot in SQL: as a frame in this process, or row by row from a process that bounds it."""

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
    """Rows of `sql` over the published snapshot, as a frame.

    UserError as `open_snapshot`, for whatever DuckDB refuses, and for values that polars would change.
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
                f"no frame can hold the result: rename columns that are alike ({reason_of(error)})"
            ) from error


def _for_polars(place: int, name: str, dtype) -> str:
    """The column as an expression; DuckDB fails where polars would hold another value."""
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
            error = f"error('an infinite {dtype} fits into no frame: cast it to VARCHAR')"
            return f"CASE WHEN NOT isfinite(#{place}) THEN {error} ELSE #{place} END AS {quoted(name)}"
        case _:
            raise UserError(f"no frame holds a {dtype} exactly: cast column {name} to VARCHAR")


def catalogue(settings: Settings) -> "polars.DataFrame":
    """One row per view and table: kind, name, comment, columns, rows (null for a view). UserError as `query`."""
    return query("FROM catalogue", settings)


class Answer(NamedTuple):
    """Names and kinds of the columns, and the rows; kinds and values are those of `tasks.warehouse.reader`."""

    columns: list[str]
    kinds: list
    rows: Iterator[list]


@contextmanager
def answer(sql: str, settings: Settings) -> Iterator[Answer]:
    """The rows of `sql` over the published snapshot, read one by one within `sql_memory` and `sql_seconds`.

    UserError as `open_snapshot`, for whatever DuckDB refuses, and, also while rows are read, when DuckDB needs more
    than the settings allow or crashes.
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
    with reader:
        try:
            with suppress(BrokenPipeError), reader.stdin:
                json.dump(request, reader.stdin)
            lines = _lines(reader, settings)
            yield Answer(**next(lines), rows=lines)
        finally:
            reader.kill()


def _lines(reader: subprocess.Popen, settings: Settings) -> Iterator:
    for line in reader.stdout:
        if not line.endswith("\n"):  # ended while it wrote
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
                f"query failed: it took more than {settings.sql_seconds:g} s: ask for less, "
                "or raise KALEIDOSCOPE_SQL_SECONDS"
            )
        case code:
            end = signal.Signals(-code).name if code < 0 else f"code {code}"
            raise UserError(
                f"query failed: DuckDB ended with {end}: ask another way, or for less where memory is short"
            )
