"""Rows of `provenance`: one for each result that a load is about, and none where nobody knows."""

import duckdb
import polars as pl

from tasks.checksums import commit_folder
from tasks.migrations import schema_version
from tasks.provenance import made_in, made_now
from tasks.staging import stage_tables
from tasks.warehouse.database import open_warehouse, schema
from tasks.warehouse.load import BOOKKEEPING, load_staged
from tasks.warehouse.provenance import RESULTS, provenance_of
from tests.sample_tables import sample_tables
from tests.sample_tables.planted import ACTIVATION_SET, CROSSCODER, SAE

SET_TABLES = ("networks", "layers", "images", "activation_sets", "shards", "quarantine")
OWN = {"provenance", "runs", "mlflow_runs", "mlflow_models"}


def sample(*tables: str) -> dict[str, pl.DataFrame]:
    return {table: sample_tables()[table] for table in tables}


def loaded(settings, *keys: str) -> list[tuple]:
    with open_warehouse(settings) as warehouse:
        assert load_staged(warehouse, keys, settings).waiting == {}
        columns = "table_name, result_table, result_id, load_key, flow_run_id, git_revision"
        return warehouse.execute(f"SELECT {columns} FROM provenance ORDER BY ALL").fetchall()


def test_each_result_is_the_key_of_its_table():
    assert {column: schema()[table].key for column, table in RESULTS.items()} == {
        column: (column,) for column in RESULTS
    }
    about_results = {name for name, table in schema().items() if table.key[0] in RESULTS}
    shared = {"networks", "layers", "images", "concepts", "concept_exemplars", "cavs"}
    assert schema().keys() - about_results == shared | OWN | BOOKKEEPING


def test_a_load_says_which_run_made_its_results(settings):
    with made_in("extraction"):
        stage_tables("set", sample(*SET_TABLES), settings)
    training = made_now() | {"flow_run_id": "training", "git_revision": "abc", "made_at": "2025-06-01T02:00:00+02:00"}
    with made_in("analysis"):
        stage_tables("features", sample("dictionaries", "features"), settings, {"dictionaries": training})
    found = loaded(settings, "features", "set")
    code = made_now()["git_revision"]
    assert found == sorted(
        [
            *(
                (table, "activation_sets", ACTIVATION_SET, "set", "extraction", code)
                for table in ("activation_sets", "shards", "quarantine")
            ),
            *(("dictionaries", "dictionaries", key, "features", "training", "abc") for key in (SAE, CROSSCODER)),
            *(("features", "dictionaries", key, "features", "analysis", code) for key in (SAE, CROSSCODER)),
        ]
    )
    with duckdb.connect(str(settings.warehouse_file), read_only=True) as warehouse:
        made_at = "SELECT DISTINCT made_at::VARCHAR FROM provenance WHERE flow_run_id = 'training'"
        assert warehouse.execute(made_at).fetchall() == [("2025-06-01 00:00:00",)]
        counted = warehouse.execute("SELECT load_key, rows FROM loads WHERE table_name = 'provenance'").fetchall()
    assert sorted(counted) == [("features", 4), ("set", 3)]


def test_the_scores_of_each_dictionary_are_about_it_and_their_benchmark(settings):
    scored = sample("benchmarks", "benchmarked_dictionaries", "benchmark_scores")
    benchmark = scored["benchmarks"]["benchmark_id"][0]
    with made_in("scoring"):
        for key in (SAE, CROSSCODER):
            of_one = {name: rows.filter(benchmark_id=benchmark) for name, rows in scored.items()}
            for name in ("benchmarked_dictionaries", "benchmark_scores"):
                of_one[name] = of_one[name].filter(dictionary_id=SAE).with_columns(dictionary_id=pl.lit(key))
            stage_tables(f"scores of {key}", of_one, settings)
    stage_tables("set", sample(*SET_TABLES), settings)
    found = {row[:4] for row in loaded(settings, "set", f"scores of {SAE}", f"scores of {CROSSCODER}")}
    for key in (SAE, CROSSCODER):
        assert {row for row in found if row[3] == f"scores of {key}"} == {
            ("benchmarks", "benchmarks", benchmark, f"scores of {key}"),
            ("benchmarked_dictionaries", "benchmarked_dictionaries", key, f"scores of {key}"),
            ("benchmark_scores", "benchmarked_dictionaries", key, f"scores of {key}"),
        }


def test_what_is_made_outside_a_flow_has_no_run(settings):
    stage_tables("set", sample(*SET_TABLES), settings)
    assert {row[4] for row in loaded(settings, "set")} == {None}


def test_tables_of_older_code_load_without_provenance(settings):
    stage_tables("set", sample(*SET_TABLES), settings)
    folder = settings.staging_dir / "set"
    commit_folder(folder, [f"{table}.parquet" for table in SET_TABLES], schema_version=schema_version())
    assert loaded(settings, "set") == []
    with duckdb.connect(str(settings.warehouse_file), read_only=True) as warehouse:
        tables = warehouse.execute("SELECT table_name FROM loads").fetchall()
    assert {table for (table,) in tables} == set(SET_TABLES)


def test_tables_about_no_single_result_have_none(settings):
    stage_tables("run", sample("runs", "networks"), settings)
    assert provenance_of("run", sample("runs", "networks"), settings).is_empty()
