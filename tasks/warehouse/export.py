"""Export the tables of the published snapshot as Parquet, with a schema file that says what each column means."""

import json
from pathlib import Path
from typing import Any

import duckdb

from tasks.errors import UserError, reason_of
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.storage import naming_disk_problems, new_folder
from tasks.warehouse.database import SQL_DIR, tables_of
from tasks.warehouse.snapshot import connect, quoted

SCHEMA = "schema.json"
ROWS_PER_GROUP = 10_000
"""DuckDB holds a few groups of rows in memory; a row may contain a picture."""


def export_tables(folder: Path, settings: Settings, progress: Progress = silent) -> None:
    """Write TABLE.parquet for every published table, and `schema.json`, into a new or empty folder.

    schema.json: {table: {comment, rows, columns: [{name, type, null, comment}], primary_key, foreign_keys: [{columns,
    table, references}]}}. The rows are streamed. progress counts tables. Raises UserError when nothing is published,
    when the folder is not empty, and when the disk is full.
    """
    limits = {"memory_limit": f"{int(settings.sql_memory)}B", "autoinstall_known_extensions": "false"}
    with connect(settings.published_file, limits) as connection:
        tables = _described(connection)
        with naming_disk_problems(folder), new_folder(folder) as temporary:
            for done, table in enumerate(tables, start=1):
                try:
                    tables[table]["rows"] = _copy(connection, table, temporary / f"{table}.parquet")
                except duckdb.Error as error:
                    raise UserError(f"can't export {table}: {reason_of(error)}") from error
                progress(done, len(tables))
            (temporary / SCHEMA).write_text(json.dumps(tables, indent=1, ensure_ascii=False), encoding="utf-8")


def _copy(connection: duckdb.DuckDBPyConnection, table: str, file: Path) -> int:
    """Write a table and return its number of rows."""
    target = str(file).replace("'", "''")
    [(rows,)] = connection.execute(
        f"COPY {quoted(table)} TO '{target}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROWS_PER_GROUP})"
    ).fetchall()
    return rows


def _described(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Any]]:
    """Return what schema.json says about every table, in the order of their creation."""

    def rows_of(file: str) -> list[tuple]:
        return connection.execute((SQL_DIR / file).read_text(encoding="utf-8")).fetchall()

    tables: dict[str, dict[str, Any]] = {}
    keys = {name: list(table.key) for name, table in tables_of(connection).items()}
    for name, meaning, column, kind, nullable, comment in rows_of("published_columns.sql"):
        described = {"comment": meaning, "columns": [], "primary_key": keys[name], "foreign_keys": []}
        columns = tables.setdefault(name, described)["columns"]
        columns.append({"name": column, "type": kind, "null": nullable, "comment": comment})
    for name, columns, other, references in rows_of("references.sql"):
        tables[name]["foreign_keys"].append({"columns": columns, "table": other, "references": references})
    return tables
