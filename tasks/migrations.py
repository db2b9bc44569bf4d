"""Migrations: convert the tables of one version of `sql/schema` to the next.

The folder `sql/migrations/NNNN_name` converts version NNNN - 1 to NNNN. A file `TABLE.sql` in it is a SELECT over the
old tables that returns the rows of the new TABLE; a file without a statement drops TABLE. Tables without a file stay as
they are, and new tables without a file begin empty. The same SELECTs are applied to the warehouse and to staged tables.
The rows of `loads` contain names of tables: a migration that renames or splits a table must change them too.
"""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import polars

from tasks.errors import UserError, reason_of
from tasks.settings import RESOURCES

MIGRATIONS = RESOURCES / "sql" / "migrations"

log = logging.getLogger(__name__)


class CannotMigrate(UserError):
    """The tables lack tables or columns that their version of the schema has, or their rows can't be converted."""


class NewerSchema(CannotMigrate):
    """The tables have a version of the schema that is newer than this code."""


@dataclass(frozen=True)
class Migration:
    """One migration.

    version: the version that it produces; selects: new table -> SELECT over the old tables, empty if it is dropped.
    """

    name: str
    version: int
    selects: dict[str, str]


def migrations() -> list[Migration]:
    """Return all migrations, the oldest first."""
    folders = sorted(folder for folder in MIGRATIONS.glob("*_*") if folder.is_dir())
    return [Migration(folder.name, int(folder.name.split("_")[0]), _selects(folder)) for folder in folders]


def schema_version() -> int:
    """Return the version of `sql/schema`; the first release has version 1."""
    return max((migration.version for migration in migrations()), default=1)


def _selects(folder: Path) -> dict[str, str]:
    return {file.stem: _without_end(file.read_bytes()) for file in sorted(folder.glob("*.sql"))}


def _without_end(statement: bytes) -> str:
    """Return the statement without the semicolon and the comment after it; empty if there is no statement."""
    starts = [start for start, _ in duckdb.tokenize(statement.decode())]
    while starts and statement[starts[-1] :].startswith(b";"):
        statement = statement[: starts.pop()]
    return statement.decode() if starts else ""


def _tables_read(connection: duckdb.DuckDBPyConnection, select: str) -> set[str]:
    """Return the names of the tables that a SELECT reads, whether they exist or not."""
    read: set[str] = set()
    common_expressions: set[str] = set()

    def walk(node: Any) -> None:
        if isinstance(node, list):
            for part in node:
                walk(part)
        elif isinstance(node, dict):
            if node.get("type") == "BASE_TABLE":
                read.add(node["table_name"])
            common_expressions.update(entry["key"] for entry in node.get("cte_map", {}).get("map", ()))
            walk([*node.values()])

    [(tree,)] = connection.execute("SELECT json_serialize_sql(?)", [select]).fetchall()
    walk(json.loads(tree))
    return read - common_expressions


def migrated(connection: duckdb.DuckDBPyConnection, tables: dict[str, str], version: int) -> dict[str, str]:
    """Convert tables from `version` to the current version; input and output are {table: its SQL name}.

    The migrated tables are views over the given ones, in a database `migrations` that is attached to the connection.
    A table is left out when none of the tables that its SELECT reads exist. Raises CannotMigrate when only some of them
    exist or when they have other columns, and NewerSchema when `version` is newer than this code.
    """
    refuse_newer(version)
    later = [migration for migration in migrations() if migration.version > version]
    if later:
        connection.execute("ATTACH ':memory:' AS migrations")
    for migration in later:
        schema = f'migrations."{migration.name}"'
        connection.execute(f"CREATE SCHEMA {schema}")
        after = {table: relation for table, relation in tables.items() if table not in migration.selects}
        for table, select in migration.selects.items():
            reads = _tables_read(connection, select) if select else set()
            if not reads & tables.keys():
                continue
            if missing := reads - tables.keys():
                raise CannotMigrate(
                    f"migration {migration.name} reads {', '.join(sorted(missing))} for {table}, which does not exist"
                )
            old = ", ".join(f'"{name}" AS (FROM {tables[name]})' for name in sorted(reads))
            after[table] = f'{schema}."{table}"'
            try:
                connection.execute(f"CREATE VIEW {after[table]} AS WITH {old} FROM ({select}\n)")
            except duckdb.Error as error:
                raise CannotMigrate(f"migration {migration.name} can't make {table}: {reason_of(error)}") from error
        tables = after
    return tables


def migrated_tables(tables: dict[str, polars.DataFrame], version: int) -> dict[str, polars.DataFrame]:
    """Return tables that were staged for an older schema, migrated to the current one. Raises CannotMigrate."""
    with duckdb.connect() as memory:
        for table, rows in tables.items():
            memory.register(f"staged {table}", rows.to_arrow())
        before = {table: f'"staged {table}"' for table in tables}
        try:
            return {
                table: tables[table] if relation == before.get(table) else memory.sql(f"FROM {relation}").pl()
                for table, relation in migrated(memory, before, version).items()
            }
        except duckdb.Error as error:
            raise CannotMigrate(f"its rows can't be migrated: {reason_of(error)}") from error


def refuse_newer(version: int) -> None:
    """Raise NewerSchema for a version that is newer than this code."""
    if version > schema_version():
        raise NewerSchema(
            f"was made by a newer Kaleidoscope: its schema has version {version}, this one knows {schema_version()}; "
            "upgrade Kaleidoscope"
        )
