"""Audit the warehouse: SELECTs in `sql/audits` that must return no row, and a Great Expectations suite."""

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from tasks.errors import UserError, reason_of
from tasks.settings import Settings
from tasks.warehouse.database import open_warehouse, schema, sql_files
from tasks.warehouse.expectations import suite

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult

ROWS_NAMED = 5


@dataclass(frozen=True)
class AuditResult:
    """A row of `audit_results`.

    failures: number of offending rows; detail: the first ROWS_NAMED of them as JSON, empty if the audit passed.
    """

    audit: str
    kind: str
    passed: bool
    failures: int
    detail: str


class AuditFailed(UserError):
    """At least one audit found offending rows; the message lists the audits, their first rows and the loads.

    failed: results of the failed audits; loads: keys that were loaded just now, or that must be staged again.
    """

    def __init__(self, failed: list[AuditResult], loads: tuple[str, ...]):
        super().__init__(
            f"not published, {len(failed)} audits failed: {summary_of(failed)}; the last snapshot stays. "
            f"Run the flows again that stage {', '.join(loads)}, and publish again"
        )
        self.failed, self.loads = failed, loads

    def __reduce__(self) -> tuple:
        """Let task runners pass the exception from one process to another."""
        return type(self), (self.failed, self.loads)


def summary_of(failed: list[AuditResult]) -> str:
    """Return one line with the failed audits and their first offending rows."""
    return "; ".join(f"{result.audit}: {result.failures} offending, first {result.detail}" for result in failed)


def audit(settings: Settings) -> list[AuditResult]:
    """Run all audits on the warehouse and store their results in `audit_results`. Raises as `open_warehouse`."""
    with open_warehouse(settings, must_exist=True) as connection:
        return run_audits(connection)


def run_audits(connection: duckdb.DuckDBPyConnection) -> list[AuditResult]:
    """Run every audit over an open connection and store the results in `audit_results`."""
    results = [run_sql_audit(connection, file) for file in sql_files("audits")]
    results += run_expectations(connection)
    rows = pl.DataFrame([asdict(result) for result in results])
    rows = rows.with_columns(audited_at=pl.lit(datetime.now(UTC).replace(tzinfo=None)))
    try:
        connection.from_arrow(rows.select(schema()["audit_results"].columns).to_arrow()).insert_into("audit_results")
    except duckdb.Error as error:
        raise UserError(f"can't store the results of the audits: {reason_of(error)}") from error
    return results


def run_sql_audit(connection: duckdb.DuckDBPyConnection, file: Path) -> AuditResult:
    """Run one file of `sql/audits`, a SELECT of offending rows. They are sorted, so that `detail` is deterministic."""
    offending = connection.sql(file.read_text(encoding="utf-8")).order("ALL").pl()
    detail = offending.head(ROWS_NAMED).write_json() if offending.height else ""
    return AuditResult(file.stem, "sql", offending.is_empty(), offending.height, detail)


def run_expectations(connection: duckdb.DuckDBPyConnection) -> list[AuditResult]:
    """Run the Great Expectations suite on the tables, copied to pandas."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    source = context.data_sources.add_pandas("warehouse")
    results = []
    for table, expectations in suite().items():
        whole = source.add_dataframe_asset(table).add_batch_definition_whole_dataframe("whole")
        batch = whole.get_batch({"dataframe": connection.table(table).to_arrow_table().to_pandas()})
        report = batch.validate(
            gx.ExpectationSuite(table, expectations=expectations),
            result_format={"result_format": "COMPLETE", "unexpected_index_column_names": list(schema()[table].key)},
        )
        results += [_expectation_result(table, outcome) for outcome in report.results]
    return results


def _expectation_result(table: str, outcome: "ExpectationValidationResult") -> AuditResult:
    expected = outcome.expectation_config
    assert expected is not None, "a validation's result names its expectation"
    name = f"{table}.{expected.kwargs['column']}: {expected.type.removeprefix('expect_column_values_to_')}"
    if outcome.success:
        return AuditResult(name, "great-expectations", True, 0, "")
    if "unexpected_index_list" not in outcome.result:
        raise RuntimeError(f"{name} could not be evaluated: {outcome.exception_info}")
    rows = outcome.result["unexpected_index_list"]
    detail = json.dumps(rows[:ROWS_NAMED], default=lambda scalar: scalar.item())
    return AuditResult(name, "great-expectations", False, len(rows), detail)
