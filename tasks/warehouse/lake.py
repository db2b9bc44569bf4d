"""The lake: one warehouse of several machines, in DuckLake.

The setting KALEIDOSCOPE_WAREHOUSE names its catalogue: the database that lists which Parquet files, in the folder
`lake` of the shared store, hold which rows. Each transaction makes a numbered version of the lake.

The warehouse file of a machine is a copy of one version. A writer changes a copy of this file, as without a lake, so
DuckDB checks keys, references and constraints, which DuckLake doesn't have, and all audits run before anything is
shared. Then it adds the difference to the lake in one transaction. The catalogue refuses the transaction if another
writer has made a version meanwhile: the writer then starts again from that version.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import duckdb

from tasks.checksums import Damaged, read_document, write_document
from tasks.errors import UserError, reason_of
from tasks.keys import file_sha256
from tasks.remote import filesystem_at
from tasks.settings import Settings, without_passwords
from tasks.warehouse.extensions import load_extensions

OWN_TABLES = {"audit_results", "set_aside"}
"""Tables about the data folder of one machine. The lake doesn't have them."""
COPY = "copy-of-lake.json"
"""The document beside the warehouse file that says which version of the lake the file is a copy of."""
EXTENSIONS = ("ducklake", "postgres_scanner")
OVERTAKEN = """
    SELECT snapshot_id FROM lake.snapshots()
    QUALIFY lead(snapshot_time) OVER (ORDER BY snapshot_id) < {}
"""
"""The versions that haven't been the newest since a time."""
PASSWORD = re.compile(r"(password\s*=\s*)('[^']*'|[^\s']+)")


class Overtaken(UserError):
    """Another writer has made a version of the lake meanwhile."""


class Version(NamedTuple):
    """A version of the lake; number 0 has no tables. at: microseconds since 1970, in which lakes differ."""

    number: int
    at: int


class Lake:
    """A lake. All functions raise UserError when the catalogue or the files can't be used.

    catalogue: what DuckLake attaches, for example ducklake:postgres:dbname=warehouse; store: address of the shared
    store.
    """

    def __init__(self, catalogue: str, store: str) -> None:
        self.catalogue, self.files = catalogue, f"{store.rstrip('/')}/lake/"

    def __str__(self) -> str:
        return _without_passwords(self.catalogue)

    def newest(self) -> Version:
        """Return the newest version."""
        with self._answering(), self._connected() as connection:
            return _newest(connection)

    def attach(self, connection: duckdb.DuckDBPyConnection, name: str, at: Version | None = None) -> None:
        """Attach the lake, which is made if the catalogue is empty; with `at`, that version, read-only."""
        with self._answering():
            load_extensions(connection, *EXTENSIONS)
            if "://" in self.files:
                load_extensions(connection, "httpfs")  # DuckLake asks for it, also where fsspec reads and writes
                connection.register_filesystem(filesystem_at(self.files)[0])
            version = f", READ_ONLY, SNAPSHOT_VERSION {at.number}" if at else ""
            attach = f"ATTACH {_literal(self.catalogue)} AS {name} (DATA_PATH {_literal(self.files)}{version})"
            try:
                connection.execute(attach)
            except duckdb.Error as error:
                if "Failed to initialize DuckLake" not in str(error):
                    raise
                connection.execute(attach)  # another process has made the lake in the same moment

    def add(self, after: Path, before: Path | None, base: Version, keys: Mapping[str, tuple[str, ...]]) -> Version:
        """Add the difference between two warehouse files in one transaction; return the version that `after` now is.

        before: a copy of `base`; None if all tables of the lake are to be replaced. keys: {table: columns of its
        primary key} of both files. If only OWN_TABLES differ, `base` stays the newest version.
        Raises Overtaken, with the lake as it was, when `base` isn't the newest version any more.
        """
        with self._answering(), self._connected() as connection:
            for name, file in {"after": after, "before": before}.items():
                if file:
                    connection.execute(f"ATTACH {_literal(str(file))} AS {name} (READ_ONLY)")
            # a commit fails if its number is taken, and DuckLake would try again with the next one
            connection.execute("SET ducklake_max_retry_count = 0")
            connection.begin()
            if _newest(connection) != base:
                raise Overtaken(self._overtaken())
            shared = {table: key for table, key in keys.items() if table not in OWN_TABLES}
            if before is None:
                _replace(connection, shared)
            elif not sum(_add(connection, table, key) for table, key in shared.items()):
                return base
            try:
                connection.commit()
            except duckdb.Error as error:
                if self.newest() != base:
                    raise Overtaken(self._overtaken()) from error
                raise
            [(at,)] = connection.execute(
                "SELECT epoch_us(snapshot_time) FROM lake.snapshots() WHERE snapshot_id = ?", [base.number + 1]
            ).fetchall()
            return Version(base.number + 1, at)

    def old_files(self, seconds: int, delete: bool = False) -> dict[str, int]:
        """Return {address: bytes} of files that belong to no version, and didn't in the last `seconds`.

        Such are files of versions that were given up, and those that a killed writer left. With `delete`, they are
        deleted, and versions that weren't the newest in the last `seconds` are given up.
        """
        before = f"now() - INTERVAL {seconds} SECONDS"
        with self._answering(), self._connected() as connection:
            sizes: dict[str, int] = {}
            for work in ("cleanup_old_files", "delete_orphaned_files"):
                call = f"CALL ducklake_{work}('lake', older_than => {before}, dry_run => {{}})"
                files = [file for (file,) in connection.execute(call.format("true")).fetchall()]
                sizes |= {file: filesystem_at(file)[0].size(file) for file in files}
                if delete:
                    connection.execute(call.format("false"))
            versions = [number for (number,) in connection.execute(OVERTAKEN.format(before)).fetchall()]
            if delete and versions:
                connection.execute(f"CALL ducklake_expire_snapshots('lake', versions => {versions})")
        return sizes

    def _overtaken(self) -> str:
        return f"another writer has changed {self} meanwhile: run again"

    @contextmanager
    def _connected(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as connection:
            self.attach(connection, "lake")
            yield connection

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            reason = _without_passwords(reason_of(error))
            raise UserError(f"the warehouse {self} can't be used ({reason}): check KALEIDOSCOPE_WAREHOUSE") from error


def lake_of(settings: Settings) -> Lake | None:
    """Return the lake of the settings; None without one. Raises UserError when its files have no place."""
    if not settings.warehouse:
        return None
    if not settings.shared_store:
        raise UserError(
            "KALEIDOSCOPE_WAREHOUSE needs KALEIDOSCOPE_SHARED_STORE, where the files of the lake are stored"
        )
    return Lake(settings.warehouse, str(settings.shared_store))


def is_newest(settings: Settings) -> bool:
    """Whether the warehouse file has what the newest version of the lake has; True without a lake."""
    lake = lake_of(settings)
    return lake is None or copied_version(settings.warehouse_file) == lake.newest()


def copied_version(file: Path) -> Version | None:
    """Return the version of the lake that a warehouse file is a copy of; None if it isn't known to be one."""
    try:
        copy = read_document(file.with_name(COPY), "")
        return Version(*copy["version"]) if file.is_file() and copy["warehouse"] == file_sha256(file) else None
    except Damaged:
        return None


def record_copy(file: Path, version: Version) -> None:
    """Record that a warehouse file is a copy of a version of the lake."""
    write_document(file.with_name(COPY), {"version": [*version], "warehouse": file_sha256(file)})


def _newest(connection: duckdb.DuckDBPyConnection) -> Version:
    [row] = connection.execute(
        "SELECT snapshot_id, epoch_us(snapshot_time) FROM lake.snapshots() ORDER BY snapshot_id DESC LIMIT 1"
    ).fetchall()
    return Version(*row)


def _replace(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, tuple[str, ...]]) -> None:
    in_lake = connection.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'lake'").fetchall()
    for (table,) in in_lake:
        connection.execute(f'DROP TABLE lake."{table}"')
    for table in tables:
        connection.execute(f'CREATE TABLE lake."{table}" AS FROM after."{table}"')


def _add(connection: duckdb.DuckDBPyConnection, table: str, key: tuple[str, ...]) -> int:
    """Bring a table of the lake from the state in `before` to that in `after`; return the number of changed rows."""
    gone = f'(FROM before."{table}" EXCEPT ALL FROM after."{table}")'
    new = f'(FROM after."{table}" EXCEPT ALL FROM before."{table}")'
    columns = ", ".join(f'"{column}"' for column in key)
    [(deleted,)] = connection.execute(f"SELECT count(*) FROM {gone}").fetchall()
    if deleted:
        connection.execute(f'DELETE FROM lake."{table}" WHERE ({columns}) IN (SELECT ({columns}) FROM {gone})')
    [(added,)] = connection.execute(f"SELECT count(*) FROM {new}").fetchall()
    if added:
        connection.execute(f'INSERT INTO lake."{table}" FROM {new}')
    return deleted + added


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _without_passwords(text: str) -> str:
    return PASSWORD.sub(r"\1…", without_passwords(text))
