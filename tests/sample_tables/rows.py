"""How tests write rows: `row("layers", channels=24)` names the table and the columns that matter.

A column that is not named is null, or the zero of its type where the table allows no null.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any

import duckdb
import numpy as np

from tasks.warehouse.database import create_schema

Row = dict[str, Any]
Tables = dict[str, list[Row]]

ZEROS = {
    **{"BIGINT": 0, "BLOB": b"", "BOOLEAN": False, "DOUBLE": 0.0, "DOUBLE[]": [], "INTEGER": 0},
    **{"JSON": "{}", "TIMESTAMP": datetime(2025, 1, 2, 3, 4, 5), "VARCHAR": ""},
}


@cache
def _unnamed() -> dict[str, Row]:
    """A row of each table in which no column is named."""
    tables: dict[str, Row] = {}
    with duckdb.connect() as connection:
        create_schema(connection)
        columns = "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns() WHERE NOT internal"
        for table, column, data_type, nullable in connection.execute(columns).fetchall():
            tables.setdefault(table, {})[column] = None if nullable else ZEROS[data_type]
    return tables


def row(table: str, /, **columns: Any) -> Row:
    """Return a row of `table`. Raises TypeError for a column that the table does not have."""
    unnamed = _unnamed()[table]
    if unknown := columns.keys() - unnamed.keys():
        raise TypeError(f"{table} has no column {', '.join(unknown)}")
    return unnamed | columns


def rows(table: str, /, **columns: Any) -> list[Row]:
    """Return several rows of `table`: a list or array has a value for each row, any other value is that of all rows."""
    by_row = {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in columns.items()
        if isinstance(value, Iterable) and not isinstance(value, str | bytes)
    }
    if not by_row:
        return [row(table, **columns)]
    each = [dict(zip(by_row, values, strict=True)) for values in zip(*by_row.values(), strict=True)]
    return [row(table, **columns | own) for own in each]


def together(parts: Iterable[Tables]) -> Tables:
    """Return the rows of all parts by table, in their order."""
    tables: Tables = {}
    for part in parts:
        for table, more in part.items():
            tables[table] = tables.get(table, []) + more
    return tables
