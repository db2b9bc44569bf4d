"""Nobody changes `sql/schema` without a migration.

`schemas/NNNN.sql` is the schema of version NNNN as a whole; 0001 is that of commit e2a2564.
"""

from pathlib import Path

import duckdb
import pytest

from tasks import migrations as module
from tasks.migrations import Migration, migrated, migrations, schema_version
from tasks.warehouse.database import sql_files

SCHEMAS = Path(__file__).with_name("schemas")
HOW = (
    "add sql/migrations/{version:04}_what-changes with a TABLE.sql for each table that changed, "
    "and keep the new schema: cat sql/schema/*.sql > tests/sql/schemas/{version:04}.sql"
)


def ddl_of(version: int) -> str:
    return (SCHEMAS / f"{version:04}.sql").read_text()


def ddl() -> str:
    return "".join(file.read_text() for file in sql_files("schema"))


def described(ddl: str) -> dict[str, tuple]:
    """Of each table its columns (name, type, whether null may be, default), keys and other constraints."""
    with duckdb.connect() as connection:
        connection.execute(ddl)
        columns = connection.execute(
            "SELECT table_name, list((column_name, data_type, is_nullable, column_default) ORDER BY column_index)"
            " FROM duckdb_columns() WHERE NOT internal GROUP BY table_name"
        ).fetchall()
        constraints = connection.execute(
            "SELECT table_name, list(constraint_text ORDER BY constraint_text) FROM duckdb_constraints() GROUP BY ALL"
        ).fetchall()
    return {table: (found, dict(constraints).get(table)) for table, found in columns}


def assert_known(ddl: str) -> None:
    assert described(ddl) == described(ddl_of(schema_version())), HOW.format(version=schema_version() + 1)


def unexplained(before: str, selects: dict[str, str], after: str) -> list[str]:
    """Tables that are neither as they were before, nor new, nor what a migration's SELECT makes of those before."""
    old, new = described(before), described(after)
    with duckdb.connect() as connection:
        connection.execute(before)
        tables = migrated(connection, {table: f'memory.main."{table}"' for table in old}, version=1)
        columns = {table: {*connection.sql(f"FROM {relation}").columns} for table, relation in tables.items()}
    return [
        table
        for table in {**new, **columns}
        if (table in columns or table in old)
        and not (
            columns.get(table) == {name for name, *_ in new[table][0]}
            if table in selects and table in new
            else old.get(table) == new.get(table)
        )
    ]


@pytest.fixture
def only(monkeypatch):
    """Make one migration the only one, as if it led from version 1 to 2."""

    def these(selects: dict[str, str]) -> None:
        monkeypatch.setattr(module, "migrations", lambda: [Migration("0002_only", 2, selects)])

    return these


def test_migrations_are_numbered_without_gaps():
    assert [migration.version for migration in migrations()] == [*range(2, schema_version() + 1)]
    assert {file.stem for file in SCHEMAS.iterdir()} == {f"{version:04}" for version in range(1, schema_version() + 1)}


def test_the_schema_is_the_last_one_that_a_migration_leads_to():
    assert_known(ddl())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("classes         INTEGER NOT NULL", "classes INTEGER NOT NULL, colour VARCHAR"),
        ("classes         INTEGER NOT NULL", "classes BIGINT NOT NULL"),
        ("classes         INTEGER NOT NULL", "classes INTEGER"),
        ("network                          VARCHAR NOT NULL REFERENCES networks (network)", "network VARCHAR NOT NULL"),
        ("CHECK (split IN ('train', 'test'))", "CHECK (split IN ('train', 'test', 'other'))"),
    ],
)
def test_a_change_of_the_schema_alone_is_found(old, new):
    assert old in ddl()
    with pytest.raises(AssertionError, match="add sql/migrations/"):
        assert_known(ddl().replace(old, new))


@pytest.mark.parametrize("migration", migrations(), ids=lambda migration: migration.name)
def test_each_migration_explains_its_schema(migration, only):
    only(migration.selects)
    assert unexplained(ddl_of(migration.version - 1), migration.selects, ddl_of(migration.version)) == []


@pytest.mark.parametrize(
    ("selects", "wrong"),
    [
        ({"a": "SELECT x AS renamed, y FROM a", "b": ""}, []),
        ({"a": "SELECT x AS renamed, y FROM a"}, ["b"]),
        ({"a": "SELECT x AS misspelt, y FROM a", "b": ""}, ["a"]),
        ({"b": ""}, ["a"]),
    ],
)
def test_a_schema_that_no_migration_explains_is_found(selects, wrong, only):
    only(selects)
    before = "CREATE TABLE a (x INTEGER, y VARCHAR); CREATE TABLE b (z INTEGER); CREATE TABLE same (s INTEGER);"
    after = "CREATE TABLE a (renamed INTEGER, y VARCHAR); CREATE TABLE new (n INTEGER); CREATE TABLE same (s INTEGER);"
    assert unexplained(before, selects, after) == wrong
