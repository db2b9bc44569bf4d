"""`sql/schema/13_lineage.sql`: one run made everything, and MLflow has dictionaries, analyses and vectors."""

from datetime import datetime

import polars as pl

from tests.sample_tables.rows import Tables, row, rows

LOAD = "sample"
MADE_AT = datetime(2025, 1, 2, 3, 5)
REVISION = "0123456789abcdef" * 2 + "01234567"
RESULTS = {
    **{"activation_sets": "activation_set_id", "dictionaries": "dictionary_id", "unit_sets": "unit_set_id"},
    **{"family_analyses": "family_analysis_id", "dimension_analyses": "dimension_analysis_id"},
    **{"concept_analyses": "concept_analysis_id", "attack_experiments": "attack_experiment_id"},
    **{"facet_analyses": "facet_analysis_id", "trust_analyses": "trust_analysis_id"},
}
IN_MLFLOW = {
    **{"dictionary": ("dictionaries", "layer"), "concepts": ("concept_analyses", "concepts")},
    **{"attack_study": ("attack_experiments", "attacks"), "facets": ("facet_analyses", "facets")},
    **{"trust": ("trust_analyses", "trust"), "dimensions": ("dimension_analyses", "layer")},
}
"""{kind of MLflow run: table of the results that it records, last part of its experiment's name}."""


def lineage_rows(tables: Tables) -> Tables:
    """Rows about the results in `tables`."""
    keys = {table: [each[column] for each in tables[table]] for table, column in RESULTS.items()}
    made = {"load_key": LOAD, "flow_run_id": "sample-run", "git_revision": REVISION, "made_at": MADE_AT}
    provenance = [
        row("provenance", table_name=table, result_table=table, result_id=key, **made)
        for table in keys
        for key in keys[table]
    ]
    of_features = ("dictionary_metrics", "features", "neurons")
    provenance += [
        row("provenance", table_name=table, result_table="dictionaries", result_id=key, **made)
        for table in of_features
        for key in dict.fromkeys(each["dictionary_id"] for each in tables[table])
    ]
    scored = dict.fromkeys(each["dictionary_id"] for each in tables["benchmarked_dictionaries"])
    provenance += [
        row("provenance", table_name=table, result_table="benchmarked_dictionaries", result_id=key, **made)
        for table in ("benchmarked_dictionaries", "benchmark_scores")
        for key in scored
    ]
    provenance += [
        row("provenance", table_name="benchmarks", result_table="benchmarks", result_id=each["benchmark_id"], **made)
        for each in tables["benchmarks"]
    ]
    logged = [(kind, key, place) for kind, (table, place) in IN_MLFLOW.items() for key in keys[table]]
    run_of = {key: f"{number:032x}" for number, (_, key, _) in enumerate(logged, start=1)}
    runs = [
        row("mlflow_runs", mlflow_run_id=run_of[key], kind=kind, result_id=key, experiment=f"net/{place}")
        for kind, key, place in logged
    ]
    versions = [
        row("mlflow_models", model_name=f"topk-{each['architecture']}", version=1, result_id=each["dictionary_id"])
        for each in tables["dictionaries"]
    ]
    [analysis] = keys["concept_analyses"]
    tested = pl.DataFrame(tables["tcav_tests"]).select("concept_id", "layer").unique(maintain_order=True)
    versions += rows(
        "mlflow_models",
        model_name="logistic-cav",
        version=range(1, len(tested) + 1),
        result_id=analysis,
        concept_id=tested["concept_id"].to_list(),
        layer=tested["layer"].to_list(),
    )
    return {
        "provenance": provenance,
        "mlflow_runs": runs,
        "mlflow_models": [each | {"mlflow_run_id": run_of[each["result_id"]]} for each in versions],
    }
