"""Migrations: what a version of `sql/schema` makes of the tables of the version before.

The folder `sql/migrations/NNNN_name` leads from version NNNN - 1 to NNNN. A file `TABLE.sql` in it is a SELECT over the
old tables that gives the rows of TABLE from then on; without a statement it says that TABLE is gone. Tables that no
file names stay as they are, and new tables that no file names begin empty. The same SELECTs are applied to the
warehouse and to what was staged for it. The rows of `loads` name tables: where one is renamed or split, so are they.
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
    """Tables are not those that their version had."""


class NewerSchema(CannotMigrate):
    """Tables are of a version that this code doesn't know."""


@dataclass(frozen=True)
class Migration:
    """version: the one that it leads to; selects: table -> SELECT over the old tables, empty where it is gone."""

    name: str
    version: int
    selects: dict[str, str]


def migrations() -> list[Migration]:
    """Every migration, the oldest first."""
    folders = sorted(folder for folder in MIGRATIONS.glob("*_*") if folder.is_dir())
    return [Migration(folder.name, int(folder.name.split("_")[0]), _selects(folder)) for folder in folders]


def schema_version() -> int:
    """Version of `sql/schema`; 1 is that of the first release."""
    return max((migration.version for migration in migrations()), default=1)


def _selects(folder: Path) -> dict[str, str]:
    return {file.stem: _without_end(file.read_bytes()) for file in sorted(folder.glob("*.sql"))}


def _without_end(statement: bytes) -> str:
    """A statement without the semicolon and the comment after it; empty where there is none."""
    starts = [start for start, _ in duckdb.tokenize(statement.decode())]
    while starts and statement[starts[-1] :].startswith(b";"):
        statement = statement[: starts.pop()]
    return statement.decode() if starts else ""


def _tables_read(connection: duckdb.DuckDBPyConnection, select: str) -> set[str]:
    """Names of the tables that a SELECT reads, also where they are not there."""
    read, named = set(), set()

    def walk(node: Any) -> None:
        if isinstance(node, list):
            for part in node:
                walk(part)
        elif isinstance(node, dict):
            if node.get("type") == "BASE_TABLE":
                read.add(node["table_name"])
            named.update(each["key"] for each in node.get("cte_map", {}).get("map", ()))
            walk([*node.values()])

    [tree] = connection.execute("SELECT json_serialize_sql(?)", [select]).fetchone()
    walk(json.loads(tree))
    return read - named


def migrated(connection: duckdb.DuckDBPyConnection, tables: dict[str, str], version: int) -> dict[str, str]:
    """Lead tables from `version` to the current one; both {table: what stands for it in SQL}.

    The migrated tables are views over those given, in a database `migrations` that is attached to the connection.
    A table stays away when none of the tables that its SELECT reads is there. Raises CannotMigrate when some of them
    are missing or have other columns, and when `version` is newer than this code.
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
                    f"migration {migration.name} reads {', '.join(sorted(missing))} for {table}, which is not there"
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
    """Frames that were staged for an older schema, as they would be staged today. Raises CannotMigrate."""
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
    """Raise NewerSchema for a version that this code doesn't know."""
    if version > schema_version():
        raise NewerSchema(
            f"was made by a newer Kaleidoscope: its schema has version {version}, this one knows {schema_version()}; "
            "upgrade Kaleidoscope"
        )
