"""The warehouse file: its schema, and the one connection that may write to it.

The file is never changed where it stands: whoever writes works on a copy, which takes the file's place by one rename.
So a process that is killed, a disk that is full and rows that are refused leave the warehouse as it was.
"""

import logging
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import duckdb
from filelock import FileLock, Timeout

from tasks.errors import UserError, reason_of
from tasks.keys import file_sha256
from tasks.migrations import CannotMigrate, NewerSchema, migrated, refuse_newer, schema_version
from tasks.quarantine import set_aside
from tasks.settings import RESOURCES, Settings
from tasks.storage import atomic_file, disk_problem, naming_disk_problems, sync_folder, writing

SQL_DIR = RESOURCES / "sql"

log = logging.getLogger(__name__)


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
        return tables_of(memory)


def tables_of(connection: duckdb.DuckDBPyConnection) -> dict[str, Table]:
    """The tables of a connection's database by name, in the order in which they were made."""
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


class InUse(UserError):
    """Another process has the warehouse open."""


class Discarded(Exception):
    """Raised within `open_warehouse`, leaves the warehouse as it was; nobody else sees it."""


@contextmanager
def open_warehouse(settings: Settings, *, must_exist: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A writing connection to a copy of the warehouse, which becomes the warehouse when the block ends well.

    A warehouse that is lost, is damaged or was made for another schema is made first, as `bring_up_to_date` does.
    Raises InUse when another process holds the file; UserError when a newer Kaleidoscope made it, when the disk is full
    or read-only, and when nothing was ever loaded although it must exist.
    """
    file = settings.warehouse_file
    if must_exist and not file.exists() and not settings.published_file.exists():
        raise UserError(f"nothing has been loaded into {file} yet: run `kaleidoscope run atlas` first")
    with naming_disk_problems(file), _alone(file):
        _bring_up_to_date(settings)
        with suppress(Discarded), _replacing(file) as copy:
            if file.exists():
                shutil.copyfile(file, copy)
            else:
                _fill(copy, None)
            with writing_to(copy) as connection:
                yield connection
                connection.execute("CHECKPOINT")  # closing would checkpoint too, but keep quiet if it failed


def bring_up_to_date(settings: Settings) -> None:
    """Make the warehouse what today's code expects, with a warning for each thing that is done.

    One of an older schema is migrated; what it was stays beside it until `kaleidoscope gc`. One that is damaged or has
    unknown tables goes to quarantine and is made again from its own tables if they can all be read, else from the
    published snapshot, else empty: whatever is staged and missing is then loaded again. One that is gone is made from
    the published snapshot. UserError as `open_warehouse`.
    """
    file = settings.warehouse_file
    with naming_disk_problems(file), _alone(file):
        _bring_up_to_date(settings)


def make_again(settings: Settings, why: str, *, own_tables: bool = True, snapshot: bool = True) -> None:
    """Set the warehouse aside and make it again: from its own tables or the published snapshot, if wanted, or empty."""
    file = settings.warehouse_file
    with naming_disk_problems(file), _alone(file):
        _make(settings, why, [file] * own_tables + _snapshots(settings) * snapshot)


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Hold the lock of whoever writes to the warehouse. UserError: another process has it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(file.with_name(".changing"), timeout=0), writing(file.parent):
            yield
    except Timeout as error:
        raise _in_use_by(file, "PID unknown") from error


def in_use(file: Path, error: duckdb.Error) -> InUse | None:
    """What to say of an error in opening the warehouse where another process has it; None for any other error."""
    if "set lock" not in str(error):
        return None
    holder = re.search(r"PID \d+", str(error))
    return _in_use_by(file, holder[0] if holder else "PID unknown")


def _in_use_by(file: Path, holder: str) -> InUse:
    return InUse(f"warehouse {file} is in use by another process ({holder}): wait until it has ended, or stop it")


@contextmanager
def _replacing(file: Path) -> Iterator[Path]:
    """Yield a path in the same folder for a database, which takes the place of `file` when the block ends well."""
    temporary = file.parent / f".tmp-{uuid.uuid4().hex}-{file.name}"
    try:
        yield temporary
        with open(temporary, "rb+") as written:
            os.fsync(written.fileno())
        os.replace(temporary, file)
    finally:
        for leftover in file.parent.glob(f"{temporary.name}*"):
            leftover.unlink() if leftover.is_file() else shutil.rmtree(leftover)
    sync_folder(file.parent)


def _bring_up_to_date(settings: Settings) -> None:
    file = settings.warehouse_file
    if not file.exists():
        if snapshots := _snapshots(settings):
            _make(settings, None, snapshots)
        return
    try:
        with writing_to(file) as connection:  # also replays what a process that was killed had written
            version, found = version_of(connection), tables_of(connection)
    except duckdb.Error as error:
        if problem := in_use(file, error):
            raise problem from error
        if _is_of_the_machine(error):
            raise
        _refuse_unreadable(file)
        _make(settings, f"is damaged ({reason_of(error)})", [file, *_snapshots(settings)])
        return
    try:
        refuse_newer(version)
    except NewerSchema as error:
        raise UserError(f"warehouse {file} {error}") from error
    if version < schema_version():
        _migrate(settings, version)
    elif any(found.get(name) != table for name, table in schema().items()):
        _make(settings, "doesn't have the tables of sql/schema", [file, *_snapshots(settings)])


def _refuse_unreadable(file: Path) -> None:
    """UserError where the system doesn't let us read the file: then nothing is known of what it holds."""
    try:
        with open(file, "rb+") as opened:
            opened.read(1)
    except IsADirectoryError:
        pass
    except OSError as error:
        raise UserError(f"can't open warehouse {file}: {error.strerror}") from error


def _migrate(settings: Settings, version: int) -> None:
    file = settings.warehouse_file
    before = file.with_name(f"{file.stem}.before-v{schema_version()}{file.suffix}")
    try:
        with _replacing(file) as temporary:
            _fill(temporary, file)
            before.unlink(missing_ok=True)
            os.link(file, before)
    except (duckdb.Error, CannotMigrate) as error:
        if _is_of_the_machine(error):
            raise
        _make(settings, f"can't be migrated from schema version {version} ({reason_of(error)})", _snapshots(settings))
        return
    log.warning("%s was migrated from schema version %s to %s; it was %s", file, version, schema_version(), before)


def _make(settings: Settings, why: str | None, sources: list[Path]) -> None:
    """Make the warehouse from the first source that can be read whole, or empty; what is there is set aside."""
    file = settings.warehouse_file
    for source in (*sources, None):
        origin = {None: "empty", file: "from its own tables"}.get(source, "from the published snapshot")
        try:
            with _replacing(file) as temporary:
                _fill(temporary, source)
                if why:
                    reason = f"{why}; it was made again {origin}, and what is staged and missing is loaded again"
                    for part in (file.with_name(f"{file.name}.wal"), file):
                        if part.exists():
                            set_aside(part, reason, settings)
            break
        except NewerSchema as error:
            raise UserError(f"{source} {error}") from error
        except (duckdb.Error, CannotMigrate) as error:
            if _is_of_the_machine(error) or source is None:
                raise
    if not why:
        log.warning("%s was missing and was made again from the published snapshot", file)


def _is_of_the_machine(error: Exception) -> bool:
    """Whether the disk or the memory fails, and not the file."""
    return isinstance(error, duckdb.OutOfMemoryException) or disk_problem(error) is not None


def _snapshots(settings: Settings) -> list[Path]:
    """The published snapshot, if it is the file that was published."""
    snapshot = settings.published_file.resolve()
    return [snapshot] if snapshot.is_file() and file_sha256(snapshot) == snapshot.stem else []


def _fill(target: Path, source: Path | None) -> None:
    """Write a database with today's tables and the rows of another, migrated; without rows where there is no source.

    Raises CannotMigrate for tables with other columns than their version has, duckdb.Error for what can't be read.
    """
    with writing_to(target) as connection:
        [home] = connection.execute("SELECT current_database()").fetchone()
        version, tables = schema_version() - 1, {}
        if source:
            connection.execute("ATTACH '{}' AS source (READ_ONLY)".format(str(source).replace("'", "''")))
            connection.execute("USE source")
            version, found = version_of(connection), tables_of(connection)
            connection.execute(f'USE "{home}"')
            tables = migrated(connection, {name: f'source.main."{name}"' for name in found}, version)
        connection.begin()
        create_schema(connection)
        for table, relation in ((table, tables[table]) for table in schema() if table in tables):
            columns = connection.sql(f"FROM {relation}").columns
            if set(columns) != set(schema()[table].columns):
                raise CannotMigrate(f"{table} has the columns {', '.join(columns)}")
            connection.execute(f'INSERT INTO "{table}" BY NAME FROM {relation}')
        now = datetime.now(UTC).replace(tzinfo=None)
        for later in range(version + 1, schema_version() + 1):
            connection.execute("INSERT INTO schema_versions VALUES (?, ?)", [later, now])
        connection.commit()
        connection.execute("CHECKPOINT")


def version_of(connection: duckdb.DuckDBPyConnection) -> int:
    """Version of the schema that the tables of a connection's database have; before `schema_versions` it was 1."""
    found = tables_of(connection)
    if found and "schema_versions" not in found:
        return 1
    versions = connection.table("schema_versions").max("version").fetchone() if found else (None,)
    return versions[0] or schema_version()
