"""Load frames into the warehouse: one transaction per key, and never the same key twice."""

from datetime import UTC, datetime

import duckdb
import polars as pl

from tasks.errors import UserError, reason_of
from tasks.settings import Settings
from tasks.warehouse.database import open_warehouse, schema

BOOKKEEPING = {"loads", "audit_results"}

# Rows that several loads bring along: the columns that the key determines, which must therefore agree.
# The same picture may be met again under another name; the first name stays.
SHARED = {
    "networks": ("weights_sha256", "input_size", "classes"),
    "layers": ("channels", "receptive_field", "stride", "offset_px"),
    "images": ("width", "height"),
    "concepts": ("exemplars",),
    "concept_exemplars": ("image",),
    "cavs": ("concept", "random", "network", "layer"),
}


def load(load_key: str, frames: dict[str, pl.DataFrame], settings: Settings) -> bool:
    """Insert `frames` in one transaction; False when `load_key` was loaded before.

    frames: table name -> rows, with the columns of `sql/schema` in any order. Rows of SHARED tables that are already
    there are left alone.
    Raises UserError, with nothing written, for unknown tables, missing or unknown columns, rows that break a constraint
    or contradict a shared row, a full disk, and a warehouse held by another process.
    """
    _check(load_key, frames)
    with open_warehouse(settings) as connection:
        if connection.execute("FROM loads WHERE load_key = ?", [load_key]).fetchone():
            return False
        try:
            connection.begin()
            for table in schema():
                if table in frames:
                    rows = _insert(connection, load_key, table, frames[table])
                    now = datetime.now(UTC).replace(tzinfo=None)
                    connection.execute("INSERT INTO loads VALUES (?, ?, ?, ?)", [load_key, table, rows, now])
            connection.commit()
        except duckdb.Error as error:  # closing the connection rolls back
            raise UserError(f"load {load_key}: {reason_of(error)}; nothing was loaded") from error
    return True


def _check(load_key: str, frames: dict[str, pl.DataFrame]) -> None:
    loadable = set(schema()) - BOOKKEEPING
    if not frames:
        raise UserError(f"load {load_key}: no frames")
    for table, frame in frames.items():
        if table not in loadable:
            raise UserError(f"load {load_key}: no table {table!r} can be loaded, only {', '.join(sorted(loadable))}")
        missing = [column for column in schema()[table].columns if column not in frame.columns]
        unknown = [column for column in frame.columns if column not in schema()[table].columns]
        if missing or unknown:
            raise UserError(
                f"load {load_key}: the frame for {table} lacks columns [{', '.join(missing)}] "
                f"and has unknown columns [{', '.join(unknown)}]"
            )


def _insert(connection: duckdb.DuckDBPyConnection, load_key: str, table: str, frame: pl.DataFrame) -> int:
    if table in SHARED:
        frame = _only_new(connection, load_key, table, frame)
    rows = frame.select(schema()[table].columns).to_arrow()
    try:
        connection.from_arrow(rows).insert_into(table)
    except duckdb.Error as error:
        raise UserError(f"load {load_key}: {table} refused rows: {reason_of(error)}; nothing was loaded") from error
    return frame.height


def _only_new(connection: duckdb.DuckDBPyConnection, load_key: str, table: str, frame: pl.DataFrame) -> pl.DataFrame:
    key = list(schema()[table].key)
    known = connection.table(table).pl().join(frame, on=key, how="semi")
    contradicts = pl.any_horizontal(pl.col(column).ne_missing(pl.col(f"{column}_known")) for column in SHARED[table])
    conflicts = frame.join(known, on=key, suffix="_known").filter(contradicts)
    if conflicts.height:
        row = conflicts.row(0, named=True)
        raise UserError(
            f"load {load_key}: {table} already has another row for {', '.join(str(row[column]) for column in key)}: "
            + ", ".join(f"{column} is {row[f'{column}_known']}, not {row[column]}" for column in SHARED[table])
            + "; nothing was loaded"
        )
    return frame.join(known, on=key, how="anti")
