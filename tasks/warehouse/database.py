"""The warehouse file: its schema, and the one connection that may write to it.

The file is never changed in place: a writer works on a copy and renames the copy over the file. So a killed process, a
full disk or refused rows leave the warehouse as it was. With a lake (`tasks.warehouse.lake`), the file is a copy of the
lake: it is brought to the lake's newest version before it is changed, and the change is added to the lake first.
"""

import logging
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import duckdb
from filelock import FileLock, Timeout

from tasks.errors import UserError, reason_of
from tasks.keys import file_sha256
from tasks.migrations import CannotMigrate, NewerSchema, migrated, refuse_newer, schema_version
from tasks.quarantine import set_aside
from tasks.settings import RESOURCES, Settings
from tasks.storage import atomic_file, disk_problem, naming_disk_problems, sync_folder, writing
from tasks.warehouse.lake import Lake, Version, copied_version, lake_of, record_copy

if TYPE_CHECKING:
    import polars
    import pyarrow

SQL_DIR = RESOURCES / "sql"

log = logging.getLogger(__name__)


class Table(NamedTuple):
    """A table of `sql/schema`: names and types of its columns in order, and the columns of its primary key."""

    columns: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    key: tuple[str, ...] = ()


def sql_files(folder: str) -> list[Path]:
    """Return the SQL files in `sql/<folder>`, sorted by name."""
    return sorted((SQL_DIR / folder).glob("*.sql"))


def create_schema(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables that don't exist yet."""
    for file in sql_files("schema"):
        connection.execute(file.read_text(encoding="utf-8"))


def create_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the analysts' views over the tables, and the macros that they use."""
    create_macros(connection)
    for file in sql_files("views"):
        create_view(connection, file.stem)


def create_view(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    connection.execute((SQL_DIR / "views" / f"{name}.sql").read_text(encoding="utf-8"))


def create_macros(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the macros that views use: photographs, intervals, TCAV tests, labels of what has a content key."""
    for name in ("macros", "labels"):
        connection.execute((SQL_DIR / f"{name}.sql").read_text(encoding="utf-8"))


@contextmanager
def in_memory(tables: Mapping[str, "polars.DataFrame"]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection to tables in memory, with the macros; tables of `sql/schema` that are not given are empty.

    Constraints are not checked, so that some of a load's tables are enough.
    """
    with duckdb.connect() as connection:
        for name, empty in _empty_tables().items():
            connection.from_arrow(tables[name].to_arrow() if name in tables else empty).create(name)
        create_macros(connection)
        yield connection


@cache
def _empty_tables() -> dict[str, "pyarrow.Table"]:
    """Return the tables of `sql/schema` by name, without rows."""
    with duckdb.connect() as memory:
        create_schema(memory)
        return {name: memory.table(name).to_arrow_table() for name in tables_of(memory)}


@cache
def schema() -> dict[str, Table]:
    """Return the tables of `sql/schema` by name; a referenced table comes before those that refer to it."""
    with duckdb.connect() as memory:
        create_schema(memory)
        return tables_of(memory)


def tables_of(connection: duckdb.DuckDBPyConnection) -> dict[str, Table]:
    """Return the tables of a connection's database by name, in the order of their creation."""
    tables: dict[str, Table] = {}
    for name, column, data_type, in_key in connection.execute((SQL_DIR / "tables.sql").read_text()).fetchall():
        columns, types, key = tables.get(name, Table())
        tables[name] = Table((*columns, column), (*types, data_type), (*key, column) if in_key else key)
    return tables


@contextmanager
def writing_to(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection that creates or changes a database file, even if its path contains `?`."""
    if "?" not in str(file):
        with duckdb.connect(str(file)) as connection:
            yield connection
        return
    # DuckDB takes `?` for the start of parameters and looks for its log elsewhere: it gets a copy with a plain path
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
    """Raised within `open_warehouse` to leave the warehouse as it was; `open_warehouse` catches it."""


@contextmanager
def open_warehouse(settings: Settings, *, must_exist: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a writing connection to a copy of the warehouse; the copy replaces the warehouse when the block succeeds.

    A warehouse that is missing, damaged or of another schema is rebuilt first, as `bring_up_to_date` does.
    Raises InUse when another process holds the file; Overtaken when another machine has changed the lake meanwhile;
    UserError when a newer Kaleidoscope made it, when the lake can't be used, when the disk is full or read-only, and,
    with `must_exist`, when nothing has ever been loaded.
    """
    file, lake = settings.warehouse_file, lake_of(settings)
    published = settings.published_file
    if must_exist and not (file.exists() or published.exists() or (lake and lake.newest().number)):
        raise UserError(f"nothing has been loaded into {file} yet: run `kaleidoscope run atlas` first")
    with naming_disk_problems(file), _alone(file):
        base = _bring_up_to_date(settings)
        with suppress(Discarded):
            with _replacing(file) as copy:
                if file.exists():
                    shutil.copyfile(file, copy)
                else:
                    _fill(copy, None)
                with writing_to(copy) as connection:
                    yield connection
                    connection.execute("CHECKPOINT")  # closing would checkpoint too, but hide a failure
                if lake and base:
                    base = lake.add(copy, file if base == copied_version(file) else None, base, _keys())
            if base:
                record_copy(file, base)


def _keys() -> dict[str, tuple[str, ...]]:
    return {name: table.key for name, table in schema().items()}


def bring_up_to_date(settings: Settings) -> None:
    """Give the warehouse the current schema, and log a warning for each step that is needed.

    A lake that isn't empty is copied if the file isn't a copy of its newest version, and migrated. Otherwise:

    A warehouse of an older schema is migrated; the old file stays beside it until `kaleidoscope gc` deletes it. A
    warehouse that is damaged or has unknown tables is moved to quarantine and rebuilt: from its own tables if all can
    be read, else from the published snapshot, else empty. Staged tables that it then lacks are loaded again. A missing
    warehouse is rebuilt from the published snapshot. Raises UserError as `open_warehouse`.
    """
    file = settings.warehouse_file
    with naming_disk_problems(file), _alone(file):
        _bring_up_to_date(settings)


def make_again(settings: Settings, why: str, *, own_tables: bool = True, snapshot: bool = True) -> None:
    """Set the warehouse aside and rebuild it: from its own tables or the published snapshot if allowed, else empty.

    Its own tables are those of the lake, if there is one; what is rebuilt from others replaces the lake's.
    why: the reason, which is stored in the quarantine. Raises Overtaken when another machine has changed the lake.
    """
    file, lake = settings.warehouse_file, lake_of(settings)
    with naming_disk_problems(file), _alone(file):
        if lake and own_tables and (newest := lake.newest()).number:
            _set_aside(settings, f"{why}; it was copied from the lake again")
            _copy(lake, newest, settings)
            return
        base = copied_version(file)
        _make(settings, why, [file] * own_tables + _snapshots(settings) * snapshot)
        if lake and base:
            record_copy(file, lake.add(file, None, base, _keys()))


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Hold the lock of the one process that changes the warehouse file. Raises InUse when another process has it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(file.with_name(".changing"), timeout=0), writing(file.parent):
            yield
    except Timeout as error:
        raise _in_use_by(file, "PID unknown") from error


def in_use(file: Path, error: duckdb.Error) -> InUse | None:
    """Return the InUse error for a DuckDB error that another process's lock caused; None for any other error."""
    if "set lock" not in str(error):
        return None
    holder = re.search(r"PID \d+", str(error))
    return _in_use_by(file, holder[0] if holder else "PID unknown")


def _in_use_by(file: Path, holder: str) -> InUse:
    return InUse(f"warehouse {file} is in use by another process ({holder}): wait until it ends, or stop it")


@contextmanager
def _replacing(file: Path) -> Iterator[Path]:
    """Yield a temporary path for a database in the same folder; it replaces `file` when the block succeeds."""
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


def _bring_up_to_date(settings: Settings) -> Version | None:
    """As `bring_up_to_date`; return the version of the lake that is to be changed, None without a lake."""
    if (lake := lake_of(settings)) is None:
        _bring_file_up_to_date(settings)
        return None
    file, newest = settings.warehouse_file, lake.newest()
    if not newest.number:
        _bring_file_up_to_date(settings)
        return newest
    _refuse_in_use(file)
    return newest if copied_version(file) == newest else _copy(lake, newest, settings)


def _refuse_in_use(file: Path) -> None:
    """Raise InUse when another process has a warehouse file open; replay the log of a killed process."""
    try:
        with writing_to(file) if file.exists() else nullcontext():
            pass
    except duckdb.Error as error:
        if problem := in_use(file, error):
            raise problem from error


def _copy(lake: Lake, version: Version, settings: Settings) -> Version:
    """Make the warehouse a copy of a version of the lake, or of the version that its migration makes; return it.

    A file is set aside if it can't be read or has loads that the lake lacks.
    """
    file = settings.warehouse_file
    with _replacing(file) as temporary:
        try:
            older = _fill(temporary, (lake, version)) < schema_version()
        except NewerSchema as error:
            raise UserError(f"the warehouse {lake} {error}") from error
        if older:
            version = lake.add(temporary, None, version, _keys())
            log.warning("the warehouse %s was migrated to schema version %s", lake, schema_version())
        if file.exists() and (why := _loads_lacking(temporary, file)):
            _set_aside(
                settings, f"{why}; it was replaced by a copy of the lake, and loads that are staged are repeated"
            )
    record_copy(file, version)
    return version


def _loads_lacking(other: Path, file: Path) -> str | None:
    """Return why a warehouse file can't be replaced by another one without a loss; None if it can."""
    lacking = (
        "SELECT DISTINCT load_key FROM loads WHERE load_key NOT IN (SELECT load_key FROM other.loads) ORDER BY ALL"
    )
    try:
        with writing_to(file) as connection:
            connection.execute("ATTACH '{}' AS other (READ_ONLY)".format(str(other).replace("'", "''")))
            keys = [key for (key,) in connection.execute(lacking).fetchall()]
    except duckdb.Error as error:
        _refuse_unreadable(file)
        return f"is damaged ({reason_of(error)})"
    return f"has loads that the lake lacks: {', '.join(keys)}" if keys else None


def _bring_file_up_to_date(settings: Settings) -> None:
    file = settings.warehouse_file
    if not file.exists():
        if snapshots := _snapshots(settings):
            _make(settings, None, snapshots)
        return
    try:
        with writing_to(file) as connection:  # also replays the log of a killed process
            version, tables = version_of(connection), tables_of(connection)
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
    elif any(tables.get(name) != table for name, table in schema().items()):
        _make(settings, "doesn't have the tables of sql/schema", [file, *_snapshots(settings)])


def _refuse_unreadable(file: Path) -> None:
    """Raise UserError when the system refuses to open the file: then we can't tell whether it is damaged."""
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
    """Build the warehouse from the first source that can be read completely, or empty; set the present file aside.

    why: what is wrong with the present file; None if it is missing.
    """
    file = settings.warehouse_file
    for source in (*sources, None):
        origin = {None: "empty", file: "from its own tables"}.get(source, "from the published snapshot")
        try:
            with _replacing(file) as temporary:
                _fill(temporary, source)
                if why:
                    _set_aside(
                        settings, f"{why}; it was rebuilt {origin}, and missing rows that are staged are loaded again"
                    )
            break
        except NewerSchema as error:
            raise UserError(f"{source} {error}") from error
        except (duckdb.Error, CannotMigrate) as error:
            if _is_of_the_machine(error) or source is None:
                raise
    if not why:
        log.warning("%s was missing and was rebuilt from the published snapshot", file)


def _set_aside(settings: Settings, reason: str) -> None:
    """Set the warehouse file aside, and the log that a killed process left beside it."""
    file = settings.warehouse_file
    for part in (file.with_name(f"{file.name}.wal"), file):
        if part.exists():
            set_aside(part, reason, settings)


def _is_of_the_machine(error: Exception) -> bool:
    """Whether the error was caused by the disk or the memory, and not by the file."""
    return isinstance(error, duckdb.OutOfMemoryException) or disk_problem(error) is not None


def _snapshots(settings: Settings) -> list[Path]:
    """Return the published snapshot if it exists and is undamaged, else nothing."""
    snapshot = settings.published_file.resolve()
    return [snapshot] if snapshot.is_file() and file_sha256(snapshot) == snapshot.stem else []


def _fill(target: Path, source: Path | tuple[Lake, Version] | None) -> int:
    """Write a database of the current schema with the migrated rows of `source`, or without rows if there is none.

    source: a warehouse or snapshot, or a version of the lake. Returns its schema version. Raises CannotMigrate for
    tables whose columns are not those of their version, duckdb.Error when `source` can't be read.
    """
    with writing_to(target) as connection:
        [(home,)] = connection.execute("SELECT current_database()").fetchall()
        version, tables = schema_version() - 1, {}
        if isinstance(source, Path):
            connection.execute("ATTACH '{}' AS source (READ_ONLY)".format(str(source).replace("'", "''")))
        elif source:
            lake, number = source
            lake.attach(connection, "source", number)
        if source:
            connection.execute("USE source")
            version, source_tables = version_of(connection), tables_of(connection)
            connection.execute(f'USE "{home}"')
            tables = migrated(connection, {name: f'source.main."{name}"' for name in source_tables}, version)
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
        return version


def version_of(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the schema version of a connection's database; tables without `schema_versions` have version 1."""
    tables = tables_of(connection)
    if tables and "schema_versions" not in tables:
        return 1
    [(version,)] = connection.table("schema_versions").max("version").fetchall() if tables else [(None,)]
    return version or schema_version()
