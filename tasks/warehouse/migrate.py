"""Migrate the warehouse and the staged tables, at every start or with `kaleidoscope migrate`."""

import logging
from collections.abc import Callable, Iterable, Iterator

import duckdb

from tasks.checksums import Damaged, is_committed
from tasks.errors import UserError, reason_of
from tasks.liveness import Holder, is_held, waiting_for
from tasks.migrations import NewerSchema, refuse_newer, schema_version
from tasks.quarantine import set_aside
from tasks.settings import Settings
from tasks.staging import read_staged, staged_keys, staged_version
from tasks.warehouse.database import InUse, bring_up_to_date, in_use, schema, tables_of, version_of
from tasks.warehouse.lake import lake_of

log = logging.getLogger(__name__)

AS_IT_IS = "stays as it is"


def migrate_at_start(settings: Settings) -> Iterator[str]:
    """Migrate whatever needs it, as `migrate` does, before anything runs; yield a line for each.

    If another process holds the warehouse, nothing is migrated: that process does it. A lake is left to `publish`, so
    that a run which needs no warehouse doesn't wait for its server. Raises UserError as `migrate`.
    """
    if is_held(settings.warehouse_lock):
        return
    try:
        to_do = None if settings.warehouse else _to_do(settings)
        without_checksums = [key for key in staged_keys(settings) if not is_committed(settings.staging_dir / key)]
        if to_do or without_checksums:
            holder = Holder(name="kaleidoscope", does="migrate at the start")
            with waiting_for("the warehouse", settings.warehouse_lock, holder, log.warning):
                yield from _migrate(settings, without_checksums)
    except InUse as error:
        log.warning("nothing was migrated: %s", error)


def migrate(settings: Settings, dry_run: bool, say: Callable[[str], object]) -> Iterator[str]:
    """Migrate the warehouse and the staged tables to the current schema; yield a line for each.

    dry_run: only yield the lines and write nothing; say: called with the holder of the warehouse while waiting for it.
    Raises UserError when a newer Kaleidoscope made the warehouse, and as `bring_up_to_date`.
    """
    if dry_run:
        yield f"warehouse: {_to_do(settings) or AS_IT_IS}"
        yield from (f"frames/{key}: {_staged_to_do(key, settings)}" for key in staged_keys(settings))
        return
    holder = Holder(name="kaleidoscope", does="migrate")
    with waiting_for("the warehouse", settings.warehouse_lock, holder, say):
        yield from _migrate(settings, staged_keys(settings))


def _migrate(settings: Settings, keys: Iterable[str]) -> Iterator[str]:
    """Migrate the warehouse and the staged tables of `keys` to the current schema; yield a line for each."""
    to_do = _to_do(settings)
    bring_up_to_date(settings)
    yield f"warehouse: {to_do or AS_IT_IS}"
    for key in keys:
        yield f"frames/{key}: {_made_ready(key, settings)}"


def _to_do(settings: Settings) -> str | None:
    """Return what a migration would do to the warehouse, None if it would stay as it is. Nothing is written."""
    file, lake = settings.warehouse_file, lake_of(settings)
    if lake and (newest := lake.newest()).number:
        with duckdb.connect() as connection:
            lake.attach(connection, "lake", newest)
            connection.execute("USE lake")
            version = version_of(connection)
        try:
            refuse_newer(version)
        except NewerSchema as error:
            raise UserError(f"the warehouse {lake} {error}") from error
        return _migrated_from(version)
    if not file.exists():
        return "rebuilt from the published snapshot" if settings.published_file.exists() else None
    try:
        with duckdb.connect(str(file), read_only=True) as warehouse:
            version, tables = version_of(warehouse), tables_of(warehouse)
    except duckdb.Error as error:
        if problem := in_use(file, error):
            raise problem from error
        return f"rebuilt, as it is damaged ({reason_of(error)})"
    try:
        refuse_newer(version)
    except NewerSchema as error:
        raise UserError(f"warehouse {file} {error}") from error
    if to_do := _migrated_from(version):
        return to_do
    if any(tables.get(name) != table for name, table in schema().items()):
        return "rebuilt, as it doesn't have the tables of sql/schema"
    return None


def _migrated_from(version: int) -> str | None:
    return f"migrated from schema version {version} to {schema_version()}" if version < schema_version() else None


def _staged_to_do(key: str, settings: Settings) -> str:
    """Return what a migration would do to a staged key. Nothing is written."""
    try:
        version = staged_version(key, settings)
    except Damaged as error:
        return f"set aside: {error}"
    gets = "" if version else "gets checksums, "
    if (version or 1) == schema_version():
        return f"{gets}stays as it is, of schema version {schema_version()}"
    return f"{gets}stays as it was staged, migrated from schema version {version or 1} when it is read"


def _made_ready(key: str, settings: Settings) -> str:
    """Give a staged key its checksums and check that it can be read; return what was done."""
    to_do = _staged_to_do(key, settings)
    try:
        read_staged(key, settings)
    except Damaged as error:
        set_aside(settings.staging_dir / key, str(error), settings)
        return f"set aside: {error}"
    return to_do
