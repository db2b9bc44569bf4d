"""The runner of the audits; their cases are in `tests/sql/audits` and in `test_expectations.py`."""

import json

import duckdb
import pytest

from tasks.errors import UserError
from tasks.warehouse.audit import AuditResult, audit, run_sql_audit
from tests.tasks.warehouse.backends import every_backend


@pytest.fixture
def sql_audit(tmp_path):
    """Run a SELECT as an audit named `made_up`."""

    def run(select: str) -> AuditResult:
        (tmp_path / "made_up.sql").write_text(select)
        with duckdb.connect() as connection:
            return run_sql_audit(connection, tmp_path / "made_up.sql")

    return run


def test_an_audit_without_offending_rows_passes(sql_audit):
    assert sql_audit("SELECT 1 AS n WHERE false") == AuditResult("made_up", "sql", True, 0, "")


def test_only_the_first_offending_rows_are_named_but_all_are_counted(sql_audit):
    result = sql_audit("SELECT unnest([7, 3, 1, 6, 2, 5, 4]) AS n, 'bad' AS why")
    assert (result.audit, result.kind, result.passed, result.failures) == ("made_up", "sql", False, 7)
    assert json.loads(result.detail) == [{"n": n, "why": "bad"} for n in (1, 2, 3, 4, 5)]


@every_backend
def test_results_are_kept_and_the_sample_passes(loaded):
    results = audit(loaded)
    assert [result for result in results if not result.passed] == []
    with duckdb.connect(str(loaded.warehouse_file), read_only=True) as connection:
        kept = connection.table("audit_results").pl()
    assert kept["audited_at"].n_unique() == 1
    assert set(kept.select("kind", "audit").iter_rows()) == {(result.kind, result.audit) for result in results}
    assert kept["passed"].all()
    assert set(kept["detail"]) == {""}


@every_backend
def test_without_a_warehouse_there_is_nothing_to_audit(settings):
    with pytest.raises(UserError, match=r"nothing has been loaded into .*kaleidoscope run atlas"):
        audit(settings)
    assert not settings.warehouse_file.exists()
