"""Audit the warehouse: SQL that must find no row, and a Great Expectations suite on the frames."""

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
    """A row of `audit_results`: failures = offending rows, detail = the first of them as JSON, empty when passed."""

    audit: str
    kind: str
    passed: bool
    failures: int
    detail: str


class AuditFailed(UserError):
    """Some audit found offending rows; the message names the audits, the first rows and the loads in question.

    failed: the audits; loads: keys that were loaded just now, or that would have to be staged again.
    """

    def __init__(self, failed: list[AuditResult], loads: tuple[str, ...]):
        super().__init__(
            f"not published, {len(failed)} audits failed: {named(failed)}; the last snapshot stays. "
            f"Run the flows again that stage {', '.join(loads)}, and publish again"
        )
        self.failed, self.loads = failed, loads

    def __reduce__(self) -> tuple:
        """For task runners that hand exceptions from process to process."""
        return type(self), (self.failed, self.loads)


def named(failed: list[AuditResult]) -> str:
    """Audits that failed and their first offending rows, in one line."""
    return "; ".join(f"{result.audit}: {result.failures} offending, first {result.detail}" for result in failed)


def audit(settings: Settings) -> list[AuditResult]:
    """Run every audit on the warehouse and keep the results in `audit_results`. UserError as `open_warehouse`."""
    with open_warehouse(settings, must_exist=True) as connection:
        return run_audits(connection)


def run_audits(connection: duckdb.DuckDBPyConnection) -> list[AuditResult]:
    """As `audit`, over an open connection."""
    results = [run_sql_audit(connection, file) for file in sql_files("audits")]
    results += run_expectations(connection)
    frame = pl.DataFrame([asdict(result) for result in results])
    frame = frame.with_columns(audited_at=pl.lit(datetime.now(UTC).replace(tzinfo=None)))
    rows = frame.select(schema()["audit_results"].columns).to_arrow()
    try:
        connection.from_arrow(rows).insert_into("audit_results")
    except duckdb.Error as error:
        raise UserError(f"can't keep the audit's results: {reason_of(error)}") from error
    return results


def run_sql_audit(connection: duckdb.DuckDBPyConnection, file: Path) -> AuditResult:
    """One file of `sql/audits`: a SELECT of offending rows, of which the same are named each time."""
    offending = connection.sql(file.read_text(encoding="utf-8")).order("ALL").pl()
    detail = offending.head(ROWS_NAMED).write_json() if offending.height else ""
    return AuditResult(file.stem, "sql", offending.is_empty(), offending.height, detail)


def run_expectations(connection: duckdb.DuckDBPyConnection) -> list[AuditResult]:
    """The Great Expectations suite on the tables as pandas frames."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
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
    name = f"{table}.{expected.kwargs['column']}: {expected.type.removeprefix('expect_column_values_to_')}"
    if outcome.success:
        return AuditResult(name, "great-expectations", True, 0, "")
    if "unexpected_index_list" not in outcome.result:
        raise RuntimeError(f"{name} could not be evaluated: {outcome.exception_info}")
    rows = outcome.result["unexpected_index_list"]
    detail = json.dumps(rows[:ROWS_NAMED], default=lambda scalar: scalar.item())
    return AuditResult(name, "great-expectations", False, len(rows), detail)
