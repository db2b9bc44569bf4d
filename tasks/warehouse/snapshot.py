"""Open the published snapshot read-only, for statements that read it and can reach nothing else.

This module imports little, because `tasks.warehouse.reader` loads it at each `kaleidoscope sql`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import duckdb

from tasks.errors import UserError, reason_of
from tasks.keys import file_sha256

NO_WAY_OUT = {
    "enable_external_access": "false",  # no files, no network, no ATTACH
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",  # names are tables, never Python variables
    "temp_directory": "",  # a query that doesn't fit into memory fails and is never spilled to the disk
    "lock_configuration": "true",
}

Opened = TypeVar("Opened")


@contextmanager
def open_snapshot(published: Path, **limits: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection that can only read the published snapshot; errors of DuckDB are raised as UserError.

    limits: DuckDB settings of this connection, for example memory_limit="2GB".
    Raises UserError when nothing was published, or when the file is not the one that was published.
    """
    with connect(published, limits | NO_WAY_OUT) as connection:
        try:
            yield connection
        except duckdb.Error as error:
            raise UserError(f"query failed: {reason_of(error)}") from error


def connect(published: Path, config: dict[str, str]) -> duckdb.DuckDBPyConnection:
    """Open the published snapshot read-only, with settings of DuckDB, for statements of our own. Raises as `newest`."""
    return newest(published, lambda snapshot: _open(snapshot, config))


def _open(snapshot: Path, config: dict[str, str]) -> duckdb.DuckDBPyConnection:
    # DuckDB takes `?` for the start of parameters and looks for a log elsewhere, which NO_WAY_OUT would forbid
    late = ("enable_external_access", "lock_configuration") if "?" in str(snapshot) else ()
    early: dict[str, str | bool | int | float | list[str]]
    early = {name: value for name, value in config.items() if name not in late}
    connection = duckdb.connect(str(snapshot), read_only=True, config=early)
    for name in late:
        if name in config:
            connection.execute(f"SET {name} = '{config[name]}'")
    return connection


def newest(published: Path, opened: Callable[[Path], Opened]) -> Opened:
    """Call `opened` with the path of the published snapshot once its checksum is right; return what it returns.

    If a publication has just deleted the snapshot, the newer one that the link now names is opened.
    Raises UserError when nothing was published, or when the file can't be read or is not the one that was published.
    """
    if not published.is_symlink() and not published.exists():
        raise UserError(f"nothing is published at {published} yet: run `kaleidoscope run atlas` first")
    tried = None
    while (snapshot := published.resolve()) != tried:
        tried = snapshot
        try:
            _check(snapshot, published)
            return opened(snapshot)
        except (OSError, duckdb.Error) as error:
            failure = error
    reason = failure.strerror if isinstance(failure, OSError) else reason_of(failure)
    raise UserError(f"can't read the published file {published}: {reason}; publish again") from failure


def _check(snapshot: Path, published: Path) -> None:
    if file_sha256(snapshot) != snapshot.stem:
        raise UserError(
            f"the published file {published} was changed after it was published: "
            "publish again with `kaleidoscope run publish`"
        )


def refuse_all_but_reading(sql: str, connection: duckdb.DuckDBPyConnection) -> None:
    """Raise UserError unless `sql` is one statement that only reads; raise DuckDB's error if it can't be parsed."""
    # DuckDB splits a PIVOT into several statements; those that it adds have no text
    statements = [
        statement
        for statement in connection.extract_statements(sql)
        if statement.query or statement.type.name not in ("CREATE", "TRANSACTION")
    ]
    match [statement.type.name for statement in statements]:
        case ["SELECT"]:
            return
        case ["EXPLAIN"] if not statements[0].query:
            raise UserError("query failed: DuckDB can't explain a PIVOT without its columns: list them with IN")
        case ["EXPLAIN"]:
            refuse_all_but_reading(_explained(sql, connection), connection)
        case []:
            raise UserError("the query is empty: write a SELECT")
        case [other]:
            raise UserError(
                f"query failed: {other} does more than read; allowed are SELECT, FROM, WITH, VALUES, "
                "DESCRIBE, SHOW, SUMMARIZE, PIVOT and EXPLAIN"
            )
        case several:
            raise UserError(f"query failed: these are {len(several)} statements; run one at a time")


def _explained(sql: str, connection: duckdb.DuckDBPyConnection) -> str:
    """Return the statement behind EXPLAIN and its options: the longest rest of `sql` that DuckDB can parse."""
    text = sql.encode()
    for start, _ in duckdb.tokenize(sql)[1:]:
        rest = text[start:].decode()
        try:
            connection.extract_statements(rest)
        except duckdb.ParserException:
            continue
        return rest
    raise UserError("query failed: EXPLAIN without a statement")


def quoted(name: str) -> str:
    """Return a name quoted for DuckDB, whatever characters it contains."""
    return '"' + name.replace('"', '""') + '"'
