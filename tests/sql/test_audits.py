"""Every audit accepts the valid rows of its file in `tests/sql/audits` and names the bad ones; -k NAME runs one."""

import json
import math
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import polars as pl
import pytest

from tasks.warehouse.audit import AuditResult, run_sql_audit
from tasks.warehouse.database import SQL_DIR, schema, sql_files
from tests.sample_tables.rows import Row, Tables, rows


def cases_of(audit: str) -> ModuleType:
    return import_module(f"tests.sql.audits.{audit}")


AUDITS = sorted(file.stem for file in Path(__file__).with_name("audits").glob("*.py") if file.stem != "__init__")
BAD = [
    pytest.param(audit, change, offending, id=f"{audit}: {change.name}")
    for audit in AUDITS
    for change, *offending in cases_of(audit).CASES
]
ALSO_VALID = [
    pytest.param(audit, change, id=f"{audit}: {change.name}")
    for audit in AUDITS
    for change in getattr(cases_of(audit), "ALSO_VALID", ())
]


@pytest.fixture(scope="module")
def without_constraints():
    """Empty tables with the columns of `sql/schema`, which take any rows."""
    with duckdb.connect(config={"threads": 1}) as connection:
        for name, table in schema().items():
            columns = ", ".join(f"{column} {kind}" for column, kind in zip(table.columns, table.types, strict=True))
            connection.execute(f"CREATE TABLE {name} ({columns})")
        yield connection


@pytest.fixture
def run(without_constraints):
    def run(audit: str, tables: Tables) -> AuditResult:
        without_constraints.begin()
        for table, found in tables.items():
            if found:
                arrow = pl.DataFrame(found, infer_schema_length=None).to_arrow()
                without_constraints.from_arrow(arrow).insert_into(table)
        result = run_sql_audit(without_constraints, SQL_DIR / "audits" / f"{audit}.sql")
        without_constraints.rollback()
        return result

    return run


def valid_rows(audit: str) -> Tables:
    return {table: rows(table, **columns) for table, columns in cases_of(audit).VALID.items()}


def test_every_audit_has_cases():
    assert [file.stem for file in sql_files("audits")] == AUDITS
    assert all(cases_of(audit).CASES for audit in AUDITS)


def test_every_audit_says_what_it_guards():
    assert all(file.read_text().startswith("-- Guards: ") for file in sql_files("audits"))


@pytest.mark.parametrize("audit", AUDITS)
def test_valid_rows_pass(run, audit):
    assert run(audit, valid_rows(audit)) == AuditResult(audit, "sql", True, 0, "")


@pytest.mark.parametrize(("audit", "change"), ALSO_VALID)
def test_other_valid_rows_pass(run, audit, change):
    assert run(audit, change.apply(valid_rows(audit))).detail == ""


@pytest.mark.parametrize(("audit", "change", "offending"), BAD)
def test_bad_rows_are_named(run, audit, change, offending):
    result = run(audit, change.apply(valid_rows(audit)))
    named = json.loads(result.detail or "[]")
    assert (result.passed, result.failures) == (False, len(offending)), named
    for row in offending:
        assert any(tells(row, found) for found in named), named


def tells(row: Row, found: Row) -> bool:
    return all(same(value, found[column]) for column, value in row.items())


def same(wanted: Any, found: Any) -> bool:
    """Whether a value is the wanted one; JSON has null for NaN and for infinity."""
    if isinstance(wanted, float):
        return (
            math.isclose(wanted, found, abs_tol=1e-9) if math.isfinite(wanted) and found is not None else found is None
        )
    return wanted == found
