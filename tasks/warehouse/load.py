"""Load staged tables into the warehouse: one transaction per key, and never the same key twice."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import polars as pl

from tasks.checksums import Damaged
from tasks.errors import UserError, reason_of
from tasks.progress import Progress, silent
from tasks.quarantine import set_aside
from tasks.settings import Settings
from tasks.staging import read_staged, staged_tables
from tasks.storage import disk_problem
from tasks.warehouse.database import SQL_DIR, open_warehouse, schema
from tasks.warehouse.provenance import provenance_of

BOOKKEEPING = {"loads", "audit_results", "schema_versions", "set_aside"}

# Tables whose rows occur in several loads: the columns that the primary key determines, in which the loads must agree.
# The same image may be loaded again under another name; the first name stays.
SHARED = {
    "networks": ("weights_sha256", "input_size", "classes"),
    "layers": ("channels", "receptive_field", "stride", "offset_px"),
    "images": ("width", "height"),
    "image_frames": ("side_px", "first_px"),
    "feature_logit_effects": ("images",),
    "concepts": ("exemplars",),
    "concept_exemplars": ("image_id",),
    "benchmarks": ("images", "probed_images", "probed_classes", "domain_images", "evaluator"),
    "cavs": ("concept_id", "random_set_id", "network", "layer"),
    "family_scores": (),  # before version 7, one load had the scores of a dictionary and of all its replicas
}


# DuckDB errors that the rows didn't cause: they come from the disk, the file or the memory.
NOT_THE_ROWS = (duckdb.IOException, duckdb.FatalException, duckdb.InternalException, duckdb.OutOfMemoryException)


class Refused(UserError):
    """The warehouse can't hold the rows."""


class Missing(UserError):
    """Rows refer to rows that don't exist, or don't exist yet."""


@dataclass(frozen=True)
class Loading:
    """Result of loading staged keys. loaded: keys in the order of loading; waiting: key -> which rows it lacks."""

    loaded: tuple[str, ...]
    waiting: dict[str, str]


def load(load_key: str, tables: dict[str, pl.DataFrame], settings: Settings) -> bool:
    """Insert `tables` in one transaction; return False when `load_key` was loaded before.

    tables: table name -> rows, with the columns of `sql/schema` in any order. Of rows of SHARED tables that exist
    already, only values that were null are taken.
    Raises, with nothing written, Refused for unknown tables, missing or unknown columns, and rows that violate a
    constraint or contradict a shared row; Missing for rows that refer to rows that don't exist; UserError as
    `open_warehouse`.
    """
    with open_warehouse(settings) as connection:
        if load_key in loaded_keys(connection):
            return False
        insert(connection, load_key, tables)
    return True


def loaded_keys(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the keys of all loads of a warehouse or snapshot."""
    return {key for (key,) in connection.execute("SELECT DISTINCT load_key FROM loads").fetchall()}


def load_staged(
    connection: duckdb.DuckDBPyConnection, keys: Iterable[str], settings: Settings, progress: Progress = silent
) -> Loading:
    """Load staged keys, each in a transaction of its own; rows are loaded before the rows that refer to them.

    A key that is damaged or whose rows the warehouse refuses is set aside. A key whose rows refer to rows that don't
    exist stays staged. progress counts the loaded keys.
    """
    remaining = _in_order_of_reference(keys, settings)
    loaded, total = [], len(remaining)
    while remaining:
        waiting = {}
        for key in remaining:
            try:
                insert(connection, key, _with_provenance(key, settings))
                loaded.append(key)
                progress(len(loaded), total)
            except Missing as error:
                waiting[key] = str(error)
            except (Damaged, Refused) as error:
                set_aside(settings.staging_dir / key, str(error), settings)
        if len(waiting) == len(remaining):
            return Loading(tuple(loaded), waiting)
        remaining = [*waiting]
    return Loading(tuple(loaded), {})


def _with_provenance(key: str, settings: Settings) -> dict[str, pl.DataFrame]:
    """Return the staged tables of a key and, where it is known how they were made, rows of `provenance`."""
    tables = read_staged(key, settings)
    provenance = provenance_of(key, tables, settings)
    return tables if provenance.is_empty() else tables | {"provenance": provenance}


def _in_order_of_reference(keys: Iterable[str], settings: Settings) -> list[str]:
    """Sort keys so that rows seldom refer to a later key; set damaged keys aside.

    SHARED tables don't count in a key's position: a key contains the rows of those tables that it refers to.
    """
    position = {table: index for index, table in enumerate(schema()) if table not in SHARED}
    places = {}
    for key in keys:
        try:
            tables = staged_tables(key, settings)
        except Damaged as error:
            set_aside(settings.staging_dir / key, str(error), settings)
            continue
        places[key] = min((position[table] for table in tables if table in position), default=0)
    return sorted(places, key=lambda key: (places[key], key))


def insert(connection: duckdb.DuckDBPyConnection, load_key: str, tables: dict[str, pl.DataFrame]) -> None:
    """Insert `tables` (as for `load`) in one transaction. Raises Refused and Missing, with nothing written."""
    _check(load_key, tables)
    connection.begin()
    try:
        for table in schema():
            if table in tables:
                rows = _insert(connection, load_key, table, tables[table])
                now = datetime.now(UTC).replace(tzinfo=None)
                connection.execute("INSERT INTO loads VALUES (?, ?, ?, ?)", [load_key, table, rows, now])
        connection.commit()
    except NOT_THE_ROWS:
        raise
    except duckdb.Error as error:
        _roll_back(connection)
        if disk_problem(error):
            raise
        raise Refused(f"load {load_key}: {reason_of(error)}; nothing was loaded") from error
    except BaseException:
        _roll_back(connection)
        raise


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    with suppress(duckdb.TransactionException):  # a failed commit has already ended the transaction
        connection.rollback()


def _check(load_key: str, tables: dict[str, pl.DataFrame]) -> None:
    loadable = set(schema()) - BOOKKEEPING
    if not tables:
        raise Refused(f"load {load_key}: no tables")
    for table, rows in tables.items():
        if table not in loadable:
            raise Refused(f"load {load_key}: no table {table!r} can be loaded, only {', '.join(sorted(loadable))}")
        missing = [column for column in schema()[table].columns if column not in rows.columns]
        unknown = [column for column in rows.columns if column not in schema()[table].columns]
        if missing or unknown:
            raise Refused(
                f"load {load_key}: the rows for {table} lack columns [{', '.join(missing)}] "
                f"and have unknown columns [{', '.join(unknown)}]"
            )


def _insert(connection: duckdb.DuckDBPyConnection, load_key: str, table: str, rows: pl.DataFrame) -> int:
    try:
        if table in SHARED:
            rows = _only_new(connection, load_key, table, rows)
        _refuse_dangling(connection, load_key, table, rows)
        connection.from_arrow(rows.select(schema()[table].columns).to_arrow()).insert_into(table)
    except NOT_THE_ROWS:
        raise
    except (duckdb.Error, pl.exceptions.PolarsError) as error:
        if disk_problem(error):
            raise
        raise Refused(f"load {load_key}: {table} refused rows: {reason_of(error)}; nothing was loaded") from error
    return rows.height


def _refuse_dangling(connection: duckdb.DuckDBPyConnection, load_key: str, table: str, rows: pl.DataFrame) -> None:
    """Raise Missing for rows that refer to rows that don't exist; a null reference refers to no row."""
    references = (SQL_DIR / "foreign_keys.sql").read_text(encoding="utf-8")
    for columns, referenced, referenced_columns in connection.execute(references, [table]).fetchall():
        wanted = connection.from_arrow(rows.select(columns).drop_nulls().unique(maintain_order=True).to_arrow())
        pairs = zip(columns, referenced_columns, strict=True)
        same = " AND ".join(f'wanted."{column}" = known."{other}"' for column, other in pairs)
        known = connection.table(referenced).set_alias("known")
        if missing := wanted.set_alias("wanted").join(known, same, how="anti").fetchone():
            raise Missing(
                f"load {load_key}: {table} refused rows: by a foreign key they refer to {referenced} "
                f"{', '.join(map(str, missing))}, which does not exist; nothing was loaded"
            )


def _only_new(connection: duckdb.DuckDBPyConnection, load_key: str, table: str, rows: pl.DataFrame) -> pl.DataFrame:
    key = list(schema()[table].key)
    known = connection.table(table).pl().join(rows, on=key, how="semi")
    contradicts = pl.any_horizontal(
        pl.lit(False), *(pl.col(column).ne_missing(pl.col(f"{column}_known")) for column in SHARED[table])
    )
    conflicts = rows.join(known, on=key, suffix="_known").filter(contradicts)
    if conflicts.height:
        row = conflicts.row(0, named=True)
        raise Refused(
            f"load {load_key}: {table} already has another row for {', '.join(str(row[column]) for column in key)}: "
            + ", ".join(f"{column} is {row[f'{column}_known']}, not {row[column]}" for column in SHARED[table])
            + "; nothing was loaded"
        )
    _fill_nulls(connection, table, rows.join(known, on=key, suffix="_known"))
    return rows.join(known, on=key, how="anti")


def _fill_nulls(connection: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame) -> None:
    """Fill what is null in loaded rows with what a later load has measured. rows: with the loaded values as C_known."""
    key = list(schema()[table].key)
    columns = [name for name in schema()[table].columns if name not in (*key, *SHARED[table])]
    measured = [pl.col(f"{column}_known").is_null() & pl.col(column).is_not_null() for column in columns]
    if not columns:
        return
    sets = ", ".join(f'"{column}" = coalesce("{column}", ?)' for column in columns)
    of_row = " AND ".join(f'"{column}" = ?' for column in key)
    for row in rows.filter(pl.any_horizontal(measured)).select(*columns, *key).iter_rows():
        connection.execute(f'UPDATE "{table}" SET {sets} WHERE {of_row}', row)
