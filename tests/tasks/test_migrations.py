"""Made-up migrations: whatever a schema may come to need, for the warehouse and for what was staged by older code."""

import shutil

import duckdb
import polars as pl
import pytest

from tasks import migrations as migrations_module
from tasks.checksums import Damaged
from tasks.errors import UserError
from tasks.migrations import schema_version
from tasks.quarantine import in_quarantine
from tasks.settings import Settings
from tasks.staging import is_staged, read_staged, read_unmigrated, stage_tables
from tasks.warehouse import database
from tasks.warehouse.database import SQL_DIR, open_warehouse, schema, tables_of, version_of
from tasks.warehouse.lake import lake_of
from tasks.warehouse.load import Missing, load
from tasks.warehouse.migrate import migrate

BOOKS = """
CREATE TABLE loads (load_key VARCHAR, table_name VARCHAR, rows BIGINT, loaded_at TIMESTAMP);
"""
FIRST = """
CREATE TABLE makers (maker VARCHAR PRIMARY KEY, born INTEGER NOT NULL);
CREATE TABLE things (
    thing VARCHAR PRIMARY KEY, maker VARCHAR NOT NULL REFERENCES makers (maker), size VARCHAR NOT NULL, colour VARCHAR
);
CREATE TABLE notes (note VARCHAR PRIMARY KEY);
CREATE TABLE same (s INTEGER PRIMARY KEY, list DOUBLE[], picture BLOB, config JSON);
"""
NOW = """
CREATE TABLE schema_versions (version INTEGER PRIMARY KEY, migrated_at TIMESTAMP NOT NULL);
CREATE TABLE people (person VARCHAR PRIMARY KEY, born BIGINT NOT NULL, age INTEGER NOT NULL CHECK (age > 0));
CREATE TABLE objects (
    object VARCHAR PRIMARY KEY, person VARCHAR NOT NULL REFERENCES people (person), millimetres DOUBLE NOT NULL
);
CREATE TABLE colours (object VARCHAR PRIMARY KEY REFERENCES objects (object), colour VARCHAR NOT NULL);
CREATE TABLE same (s INTEGER PRIMARY KEY, list DOUBLE[], picture BLOB, config JSON);
CREATE TABLE later (l INTEGER PRIMARY KEY);
"""
MIGRATIONS = {
    "0002_versions/schema_versions.sql": "SELECT 1 AS version, min(loaded_at) AS migrated_at FROM loads",
    # a type, a column that is computed, a renamed column; notes are gone
    "0003_ages/makers.sql": "SELECT maker AS person, born::BIGINT AS born, 2026 - born AS age FROM makers; -- in 2026;",
    "0003_ages/things.sql": "SELECT * RENAME (maker AS person) FROM things;\n-- ä: a letter of two bytes",
    "0003_ages/notes.sql": "-- Nobody read them.",
    # two tables are renamed, one of them is split
    "0004_objects/people.sql": "FROM makers",
    "0004_objects/makers.sql": "-- Now people.",
    "0004_objects/objects.sql": "WITH cm AS (SELECT thing, person, size FROM things)\n"
    "SELECT thing AS object, person, 10 * replace(size, ' cm', '')::DOUBLE AS millimetres FROM cm",
    "0004_objects/colours.sql": "SELECT thing AS object, colour FROM things WHERE colour IS NOT NULL",
    "0004_objects/things.sql": "-- Now objects and colours.",
}
OLD = {
    "makers": pl.DataFrame({"maker": ["Ada", "Kim"], "born": [1975, 1990]}),
    "things": pl.DataFrame(
        {"thing": ["cup", "pin"], "maker": ["Ada", "Kim"], "size": ["8 cm", "0.5 cm"], "colour": ["red", None]}
    ),
    "notes": pl.DataFrame({"note": ["a letter"]}),
    "same": pl.DataFrame({"s": [1], "list": [[0.5, 1.0]], "picture": [b"\x00\xff"], "config": ['{"a": 1}']}),
}
TODAY = {
    "people": [("Ada", 1975, 51), ("Kim", 1990, 36)],
    "objects": [("cup", "Ada", 80.0), ("pin", "Kim", 5.0)],
    "colours": [("cup", "red")],
    "same": [(1, [0.5, 1.0], b"\x00\xff", '{"a": 1}')],
}


@pytest.fixture(autouse=True)
def made_up(tmp_path, monkeypatch):
    """Another `sql` folder than ours, of version 4."""
    sql = tmp_path / "sql"
    (sql / "schema").mkdir(parents=True)
    (sql / "schema" / "01.sql").write_text(BOOKS + NOW)
    for file in ("tables.sql", "foreign_keys.sql"):
        shutil.copy(SQL_DIR / file, sql / file)
    for name, select in MIGRATIONS.items():
        file = sql / "migrations" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(select)
    monkeypatch.setattr(database, "SQL_DIR", sql)
    monkeypatch.setattr("tasks.warehouse.load.SQL_DIR", sql)
    monkeypatch.setattr(migrations_module, "MIGRATIONS", sql / "migrations")
    schema.cache_clear()
    yield sql
    schema.cache_clear()


def make_first(settings) -> None:
    """The warehouse of version 1."""
    settings.warehouse_file.parent.mkdir(parents=True)
    with duckdb.connect(str(settings.warehouse_file)) as connection:
        connection.execute(BOOKS + FIRST)
        connection.execute("INSERT INTO loads VALUES ('k', 'makers', 2, now()::TIMESTAMP)")
        for table, rows in OLD.items():
            connection.from_arrow(rows.to_arrow()).insert_into(table)


def stage(key: str, tables: dict[str, pl.DataFrame], settings, monkeypatch, version: int = 1) -> None:
    """As older code did."""
    with monkeypatch.context() as then:
        then.setattr("tasks.staging.schema_version", lambda: version)
        stage_tables(key, tables, settings)


def rows(connection) -> dict[str, list[tuple]]:
    return {table: connection.execute(f"FROM {table} ORDER BY ALL").fetchall() for table in TODAY}


def test_a_warehouse_of_long_ago_is_migrated_and_stays_beside(settings, caplog):
    make_first(settings)
    before = settings.warehouse_file.read_bytes()
    assert schema_version() == 4
    with open_warehouse(settings) as connection:
        assert rows(connection) == TODAY
        assert connection.execute("SELECT version FROM schema_versions ORDER BY version").fetchall() == [
            *((1,), (2,), (3,), (4,))
        ]
        assert connection.table("loads").fetchall()[0][:3] == ("k", "makers", 2)
        with pytest.raises(duckdb.ConstraintException, match="CHECK"):
            connection.execute("INSERT INTO people VALUES ('Lou', 1, -1)")
        with pytest.raises(duckdb.ConstraintException, match="foreign key"):
            connection.execute("INSERT INTO colours VALUES ('no such object', 'red')")
    [line] = [record.getMessage() for record in caplog.records if "migrated" in record.getMessage()]
    assert "was migrated from schema version 1 to 4" in line
    assert settings.warehouse_file.with_name("kaleidoscope.before-v4.duckdb").read_bytes() == before
    with open_warehouse(settings) as connection:
        assert rows(connection) == TODAY
    assert in_quarantine(settings) == []


def test_a_lake_of_long_ago_is_migrated(settings, tmp_path):
    make_first(settings)
    shared = Settings(warehouse=f"ducklake:{tmp_path / 'lake.ducklake'}", shared_store=str(tmp_path / "store"))
    lake = lake_of(shared)
    with duckdb.connect(str(settings.warehouse_file)) as connection:
        lake.attach(connection, "lake")
        for table in tables_of(connection):
            connection.execute(f'CREATE TABLE lake."{table}" AS FROM "{table}"')
    settings.warehouse_file.unlink()
    line = "warehouse: migrated from schema version 1 to 4"
    assert [*migrate(shared, True, print)] == [line] == [*migrate(shared, False, print)]
    with open_warehouse(shared) as connection:
        assert rows(connection) == TODAY
    with duckdb.connect() as connection:
        lake.attach(connection, "lake", lake.newest())
        connection.execute("USE lake")
        assert rows(connection) == TODAY
        assert version_of(connection) == 4
    assert [*migrate(shared, True, print)] == ["warehouse: stays as it is"]


def test_what_was_staged_long_ago_is_migrated_when_it_is_read(settings, monkeypatch):
    stage("old", OLD, settings, monkeypatch)
    assert load("old", read_staged("old", settings), settings)
    with open_warehouse(settings) as connection:
        assert rows(connection) == TODAY
        loaded = connection.execute("SELECT table_name, rows FROM loads ORDER BY ALL").fetchall()
    assert loaded == [("colours", 1), ("objects", 2), ("people", 2), ("same", 1)]
    assert read_unmigrated("old", settings)[1] == 1, "what is staged stays as it was"


def test_of_several_versions_the_later_ones_are_applied(settings, monkeypatch):
    third = {"makers": pl.DataFrame({"person": ["Ada"], "born": [1975], "age": [51]})}
    stage("third", third, settings, monkeypatch, version=3)
    assert read_staged("third", settings)["people"].rows() == [("Ada", 1975, 51)]
    stage_tables("now", {"later": pl.DataFrame({"l": [1]})}, settings)
    assert read_staged("now", settings)["later"].rows() == [(1,)]


def test_a_folder_needs_no_tables_but_its_own(settings, monkeypatch):
    stage("makers", {"makers": OLD["makers"]}, settings, monkeypatch)
    stage("things", {"things": OLD["things"]}, settings, monkeypatch)
    assert set(read_staged("makers", settings)) == {"people"}
    assert set(read_staged("things", settings)) == {"objects", "colours"}
    with pytest.raises(Missing, match=r"objects refused rows: .* refer to people Ada, which does not exist"):
        load("things", read_staged("things", settings), settings)
    load("makers", read_staged("makers", settings), settings)
    load("things", read_staged("things", settings), settings)


@pytest.mark.parametrize(
    ("tables", "reason"),
    [
        ({"makers": OLD["makers"].rename({"born": "birth"})}, "0003_ages can't make makers: .*born"),
        ({"things": OLD["things"].with_columns(size=pl.lit("large"))}, "rows can't be migrated: .*large"),
    ],
)
def test_what_can_not_be_migrated_is_named(settings, monkeypatch, tables, reason):
    stage("odd", tables, settings, monkeypatch)
    with pytest.raises(Damaged, match=f"has tables of schema version 1: .*{reason}") as refusal:
        read_staged("odd", settings)
    assert "\n" not in str(refusal.value)


def test_a_folder_that_lacks_a_table_which_a_select_needs_is_named(settings, monkeypatch, made_up):
    (made_up / "migrations/0003_ages/things.sql").write_text("SELECT t.* FROM things t JOIN makers USING (maker)")
    stage("things", {"things": OLD["things"]}, settings, monkeypatch)
    with pytest.raises(Damaged, match="migration 0003_ages reads makers for things, which does not exist"):
        read_staged("things", settings)


def test_a_newer_warehouse_is_refused_and_left_alone(settings):
    with open_warehouse(settings) as connection:
        connection.execute("INSERT INTO schema_versions VALUES (5, now()::TIMESTAMP)")
    before = settings.warehouse_file.read_bytes()
    with pytest.raises(UserError, match="its schema has version 5, this one knows 4; upgrade Kaleidoscope") as refusal:
        load("any", {"later": pl.DataFrame({"l": [1]})}, settings)
    assert str(refusal.value).startswith(f"warehouse {settings.warehouse_file} was made by a newer Kaleidoscope")
    assert settings.warehouse_file.read_bytes() == before


def test_what_newer_code_staged_is_set_aside_and_made_again(settings, monkeypatch):
    stage("newer", OLD, settings, monkeypatch, version=5)
    with pytest.raises(Damaged, match="its schema has version 5, this one knows 4; upgrade Kaleidoscope"):
        read_staged("newer", settings)
    assert not is_staged("newer", settings)
    assert [str(one.came_from) for one in in_quarantine(settings)] == ["frames/newer"]


def test_a_warehouse_that_can_not_be_migrated_is_set_aside(settings, caplog):
    make_first(settings)
    with duckdb.connect(str(settings.warehouse_file)) as connection:
        connection.execute("UPDATE things SET size = 'large' WHERE thing = 'pin'")
    with open_warehouse(settings) as connection:
        assert rows(connection) == {table: [] for table in TODAY}
    [aside] = in_quarantine(settings)
    assert "can't be migrated from schema version 1 (" in aside.reason
    assert "large" in aside.reason
    with duckdb.connect(str(aside.path), read_only=True) as connection:
        assert connection.table("things").fetchall()[1][2] == "large"
