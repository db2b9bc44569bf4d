"""Every table, view and column has a comment that an analyst can read in the database itself."""

import re

import duckdb
import pytest

from tasks.warehouse.database import create_schema, create_views, sql_files

# words with a meaning of our own: a comment names the table, column or set instead
PRIVATE_WORDS = (
    "told",
    "tells",
    "touched",
    "story",
    "stories",
    "befell",
    "spread",
    "whose images",
    "piece",
    "subject",
    "read at",
)


@pytest.fixture(scope="module")
def comments():
    """Comment of each table and view, and of each column as `table.column`; None where there is none."""
    with duckdb.connect() as connection:
        create_schema(connection)
        create_views(connection)
        relations = connection.execute(
            "SELECT table_name, comment FROM duckdb_tables()"
            " UNION ALL SELECT view_name, comment FROM duckdb_views() WHERE NOT internal"
        ).fetchall()
        columns = connection.execute(
            "SELECT concat(table_name, '.', column_name), comment FROM duckdb_columns() WHERE NOT internal"
        ).fetchall()
        yield dict(relations), dict(columns)


def test_no_table_view_or_column_is_without_a_comment(comments):
    relations, columns = comments
    assert {file.stem for file in sql_files("views")} < relations.keys()
    assert {name.split(".")[0] for name in columns} == relations.keys()
    assert [name for name, comment in (relations | columns).items() if not (comment or "").strip()] == []


def test_a_comment_of_a_table_or_view_begins_with_its_grain(comments):
    relations, _ = comments
    assert [name for name, comment in relations.items() if not (comment or "").startswith("one row per ")] == []


def test_no_comment_has_a_private_word(comments):
    relations, columns = comments
    private = re.compile(rf"\b({'|'.join(PRIVATE_WORDS)})\b", re.IGNORECASE)
    assert {name: comment for name, comment in (relations | columns).items() if private.search(comment or "")} == {}


def test_a_key_refers_to_a_table_that_exists(comments):
    relations, columns = comments
    targets = {
        name: re.findall(r"refers to (\w+)", comment or "") for name, comment in columns.items() if name.endswith("_id")
    }
    assert {name: missing for name, to in targets.items() if (missing := set(to) - relations.keys())} == {}
