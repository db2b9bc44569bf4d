"""Serve the published snapshot to many DuckDB clients, read-only, by DuckDB's Quack protocol.

Quack sends the statements of all clients to one DuckDB instance, whose database is the published snapshot.
`ATTACH OR REPLACE` replaces it by a newer one: a statement that is running ends on the old snapshot.
"""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from filelock import FileLock

from tasks.errors import UserError, reason_of
from tasks.settings import LOOPBACK, Settings
from tasks.storage import atomic_file
from tasks.warehouse.extensions import load_extensions
from tasks.warehouse.snapshot import NO_WAY_OUT, connect, newest, quoted

EXTENSIONS = ("httpfs", "quack")
FORBIDS_LOADING = ("enable_external_access", "lock_configuration")
"""Settings of NO_WAY_OUT that can be made only after the extensions are loaded."""
READING = {"duckdb_columns", "duckdb_constraints", "duckdb_functions", "duckdb_schemas", "duckdb_tables"}
READING |= {"duckdb_types", "duckdb_views", "generate_series", "json_each", "json_tree", "pragma_table_info"}
READING |= {"range", "repeat", "unnest"}
"""Table functions that clients may call. The others read files, command the server, or show what other clients ask."""


class SnapshotServer:
    """A Quack server on loopback, with one token for all clients.

    snapshot: path of the snapshot that it serves.
    """

    def __init__(self, settings: Settings, port: int):
        """Start the server; the statements of all clients together may use the memory of the settings.

        Raises UserError as `newest`, when an extension is missing, and when the port can't be used.
        """
        self.published, self.uri = settings.published_file, f"quack:{LOOPBACK[0]}:{port}"
        config = {name: value for name, value in NO_WAY_OUT.items() if name not in FORBIDS_LOADING}
        self.connection = connect(self.published, config | {"memory_limit": f"{settings.sql_memory}B"})
        self.token = access_token(settings)
        [(self.database, snapshot)] = self.connection.execute(
            "SELECT database_name, path FROM duckdb_databases() WHERE NOT internal"
        ).fetchall()
        self.snapshot = Path(snapshot)
        self.parser = duckdb.connect()
        load_extensions(self.connection, *EXTENSIONS)
        table_functions = self.connection.execute(
            "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = 'table'"
        )
        self.refused = {name for (name,) in table_functions.fetchall()} - READING | {"write_log"}
        self.connection.create_function("may_run", self._may_run, ["VARCHAR", "VARCHAR"], "BOOLEAN", side_effects=True)
        self.connection.execute("SET GLOBAL quack_authorization_function = 'may_run'")
        folder = str(self.snapshot.parent)
        # DuckDB takes `?` for the start of parameters, and looks for the log of a database before it
        allowed = ", ".join(map(_literal, {folder, folder.replace("?", ".wal?", 1)}))
        self.connection.execute(f"SET allowed_directories = [{allowed}]")
        for name in FORBIDS_LOADING:
            self.connection.execute(f"SET {name} = '{NO_WAY_OUT[name]}'")
        self._listen()

    def follow(self) -> bool:
        """Serve the newest snapshot; return whether it is another than before.

        If its tables have other columns, all clients are disconnected: a client reads the columns when it attaches.
        Raises UserError as `newest`; then the old snapshot is still served.
        """
        if self.published.resolve() == self.snapshot:
            return False
        newest(self.published, self._replace)
        return True

    def stop(self) -> None:
        self.connection.execute("CALL quack_stop(?)", [self.uri])
        self.connection.close()
        self.parser.close()

    def _replace(self, snapshot: Path) -> None:
        with duckdb.connect(str(snapshot), read_only=True) as incoming:
            same_tables = _tables(incoming) == _tables(self.connection)
        if not same_tables:
            self.connection.execute("CALL quack_stop(?)", [self.uri])
        try:
            self.connection.execute(
                f"ATTACH OR REPLACE {_literal(str(snapshot))} AS {quoted(self.database)} (READ_ONLY)"
            )
            self.snapshot = snapshot
        finally:
            if not same_tables:
                self._listen()

    def _listen(self) -> None:
        try:
            self.connection.execute("CALL quack_serve(?, token = ?)", [self.uri, self.token])
        except duckdb.Error as error:
            raise UserError(f"can't serve at {self.uri}: {reason_of(error)}") from error

    def _may_run(self, session: str, sql: str) -> bool:
        """Whether a client may run a statement: it is a SELECT, and calls no function that does more than read."""
        [(parsed,)] = self.parser.cursor().execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchall()
        tree = json.loads(parsed)  # for other statements, DuckDB writes an error into it
        return not tree["error"] and self.refused.isdisjoint(_functions(tree))


def address(port: int) -> str:
    """Return the address that clients on this machine attach."""
    return f"quack:{LOOPBACK[1]}:{port}"


@contextmanager
def snapshot_server(settings: Settings, port: int) -> Iterator[SnapshotServer]:
    """Yield a server of the published snapshot that runs for as long as the block does. Raises as `SnapshotServer`."""
    server = SnapshotServer(settings, port)
    try:
        yield server
    finally:
        server.stop()


def access_token(settings: Settings) -> str:
    """Return the token of the settings, else the one in the data folder, which is made once.

    Raises UserError when other users can read its file, or when it holds no token.
    """
    if settings.serve_token:
        return settings.serve_token
    file = settings.serve_token_file
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_name(f".{file.name}.lock")):
        if not file.exists():
            with atomic_file(file) as temporary:
                temporary.touch(mode=0o600)
                temporary.write_text(secrets.token_urlsafe(32), encoding="ascii")
    if file.stat().st_mode & 0o077:
        raise UserError(f"other users can read the token {file}: delete it, and a new one is made")
    if not (token := file.read_text(encoding="ascii")):
        raise UserError(f"the token {file} is empty: delete it, and a new one is made")
    return token


def _literal(path: str) -> str:
    return "'" + path.replace("'", "''") + "'"


def _tables(connection: duckdb.DuckDBPyConnection) -> list[tuple]:
    return connection.execute("SELECT sql FROM duckdb_tables() ORDER BY ALL").fetchall()


def _functions(tree: object) -> Iterator[str]:
    """Yield the names of the functions in DuckDB's JSON of a statement."""
    nodes = [tree]
    while nodes:
        match nodes.pop():
            case dict(node):
                if "function_name" in node:
                    yield node["function_name"].lower()
                nodes += node.values()
            case list(items):
                nodes += items
