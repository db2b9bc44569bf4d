"""Rows of the table `provenance`, from what a stage stored beside the checksums of its tables (tasks/provenance.py)."""

from collections.abc import Mapping
from datetime import UTC, datetime

import polars as pl

from tasks.settings import Settings
from tasks.staging import staged_provenance
from tasks.warehouse.database import schema

RESULTS = {
    **{"activation_set_id": "activation_sets", "dictionary_id": "dictionaries", "unit_set_id": "unit_sets"},
    **{"family_analysis_id": "family_analyses", "dimension_analysis_id": "dimension_analyses"},
    **{"concept_analysis_id": "concept_analyses", "attack_experiment_id": "attack_experiments"},
    **{"facet_analysis_id": "facet_analyses", "trust_analysis_id": "trust_analyses"},
    "benchmark_id": "benchmarks",
}
"""{column that holds the key of a result: table with one row per result}."""
OF_ONE_DICTIONARY = ("benchmarked_dictionaries", "benchmark_scores")
"""Tables about one dictionary in a benchmark. Each dictionary's scores are a load of their own."""
COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    **dict.fromkeys(("table_name", "result_table", "result_id", "load_key", "flow_run_id", "git_revision"), pl.String),
    "made_at": pl.Datetime("us"),
}


def provenance_of(key: str, tables: Mapping[str, pl.DataFrame], settings: Settings) -> pl.DataFrame:
    """Return the rows of `provenance` for staged tables: one for each table and each result that it is about.

    tables: those of the key, migrated; tables that are about no single result, such as images, have no row, nor have
    those that were staged before their provenance was stored. Raises Damaged.
    """
    made = staged_provenance(key, settings)
    rows = []
    for table, columns in tables.items():
        description, how = schema().get(table), made.get(table)
        if description is None or how is None or description.key[0] not in RESULTS:
            continue
        at = datetime.fromisoformat(how["made_at"]).astimezone(UTC).replace(tzinfo=None)
        column, result_table = description.key[0], RESULTS[description.key[0]]
        if table in OF_ONE_DICTIONARY:
            column, result_table = "dictionary_id", "benchmarked_dictionaries"
        results = columns[column].unique(maintain_order=True)
        rows += [(table, result_table, result, key, how["flow_run_id"], how["git_revision"], at) for result in results]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")
