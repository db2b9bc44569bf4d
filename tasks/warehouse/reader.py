"""Run one statement over the published snapshot in a process of its own: `python -m tasks.warehouse.reader`.

DuckDB doesn't count all of its memory, can't always be interrupted, and crashes on some statements. In a process of its
own, the operating system limits memory and time, and a crash ends only this process.

Standard input: JSON with `published` (path of the snapshot's link), `sql`, `memory` (bytes) and `seconds`.
Standard output: one JSON value a line: {"columns": names, "kinds": their kinds}, then each row as a list; or
{"error": message}. Every value is DuckDB's text of it, a BLOB is base64, and list, struct and map are nested. A kind is
"number", "decimal", "float", "boolean", "blob", "text", {"list": kind}, {"struct": {name: kind}} or
{"map": kind of the values}.
"""

import base64
import json
import os
import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO, cast

import duckdb
from duckdb.sqltypes import DuckDBPyType

from tasks.errors import UserError, reason_of
from tasks.warehouse.snapshot import open_snapshot, quoted, refuse_all_but_reading

BATCH_ROWS = 256
STREAM_ENDED = "Invalid Input Error: Attempting to execute an unsuccessful or closed pending query result\nError: "
OWN_MEMORY = 1 << 29  # bytes for the interpreter, DuckDB's code and the stacks of its threads
KINDS = {
    "boolean": "boolean",
    "decimal": "decimal",
    "blob": "blob",
    **dict.fromkeys(("float", "double"), "float"),
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint", "hugeint", "bignum"), "number"),
    **dict.fromkeys(("utinyint", "usmallint", "uinteger", "ubigint", "uhugeint"), "number"),
}

Kind = str | dict


def kind_of(dtype: DuckDBPyType) -> Kind:
    """Return the kind of a DuckDB type; a type without a kind of its own (a union, an unnamed struct) is text."""
    match dtype.id:
        case "list" | "array":
            return {"list": kind_of(_children(dtype)[0][1])}
        case "map":
            return {"map": kind_of(_children(dtype)[1][1])}
        case "struct" if all(name for name, _ in _children(dtype)):
            return {"struct": {name: kind_of(child) for name, child in _children(dtype)}}
        case scalar:
            return KINDS.get(scalar, "text")


def _children(dtype: DuckDBPyType) -> list[tuple[str, DuckDBPyType]]:
    # other children are an array's size and an enum's values, which no kind needs
    return cast(list[tuple[str, DuckDBPyType]], dtype.children)


def sql_type(kind: Kind) -> str:
    """Return the SQL type to cast a kind to, so that Python holds its values exactly."""
    match kind:
        case {"list": inner}:
            return f"{sql_type(inner)}[]"
        case {"map": inner}:
            return f"MAP(VARCHAR, {sql_type(inner)})"
        case {"struct": dict(fields)}:
            return f"STRUCT({', '.join(f'{quoted(name)} {sql_type(inner)}' for name, inner in fields.items())})"
        case "blob":
            return "BLOB"
        case _:
            return "VARCHAR"


def read(published: Path, sql: str, memory: int) -> Iterator[object]:
    """Yield the lines of standard output for one statement.

    memory: limit in bytes. Raises UserError as `open_snapshot`, for statements that DuckDB refuses, and when the memory
    is not enough.
    """
    with open_snapshot(published, memory_limit=f"{memory}B") as connection:
        try:
            refuse_all_but_reading(sql, connection)
            rows = connection.sql(sql)
            columns, kinds = rows.columns, [kind_of(dtype) for dtype in rows.types]
            casts = (f"CAST(#{place} AS {sql_type(kind)})" for place, kind in enumerate(kinds, start=1))
            batches = _batches(rows.project(", ".join(casts)))
            first = next(batches)
            yield {"columns": columns, "kinds": kinds}
            yield from first
            for batch in batches:
                yield from batch
        except (duckdb.Error, MemoryError) as error:
            if isinstance(error, MemoryError) or "Out of Memory Error" in str(error):
                raise UserError(
                    f"query failed: it needs more than {memory / 1e9:g} GB of memory: select less, "
                    "or raise KALEIDOSCOPE_SQL_MEMORY"
                ) from error
            raise UserError(f"query failed: {reason_of(str(error).removeprefix(STREAM_ENDED))}") from error
        except RecursionError as error:
            raise UserError("query failed: its result is nested too deeply") from error


def _batches(rows: duckdb.DuckDBPyRelation) -> Iterator[list[tuple]]:
    """Yield batches of rows as DuckDB computes them, and an empty batch at the end."""
    try:
        while batch := rows.fetchmany(BATCH_ROWS):
            yield batch
        yield batch
    except duckdb.InterruptException:
        # an error in one thread has interrupted the others; DuckDB reports that error only when it doesn't stream
        rows.execute()
        raise


def main() -> None:
    request = json.load(sys.stdin)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    limit = request["memory"] + OWN_MEMORY
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    signal.setitimer(signal.ITIMER_REAL, request["seconds"])  # SIGALRM ends the process in any state of DuckDB
    with _own_standard_output() as lines:
        try:
            for line in read(Path(request["published"]), request["sql"], request["memory"]):
                lines.write(json_line(line))
        except UserError as error:
            lines.write(json_line({"error": str(error)}))


def _own_standard_output() -> TextIO:
    """Return standard output for our lines only; whatever a statement makes DuckDB print is discarded."""
    own = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return own


def json_line(line: object) -> str:
    return json.dumps(line, default=lambda blob: base64.b64encode(blob).decode()) + "\n"


if __name__ == "__main__":
    main()
