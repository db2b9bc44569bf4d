"""A scored dictionary has one MLflow run, with its scores and the activation set that it was trained on."""

import polars as pl
import pytest

from tasks.benchmark.score import scores_key
from tasks.errors import UserError
from tasks.staging import read_staged, stage_tables, staged_keys
from tasks.tracking.benchmarks import log_scores
from tasks.tracking.store import tracking
from tests.sample_tables import sample_tables
from tests.sample_tables.benchmark import BENCHMARK
from tests.sample_tables.planted import SAE
from tests.tasks.tracking.conftest import write_dictionary

KEY = "d" * 64


@pytest.fixture
def scored(settings):
    """The sample's scores of its SAE, as those of another dictionary that was trained."""
    write_dictionary(KEY, settings, architecture="sae")
    sample = sample_tables()
    tables = {"benchmarks": sample["benchmarks"].filter(benchmark_id=BENCHMARK)}
    for table in ("benchmarked_dictionaries", "benchmark_scores"):
        rows = sample[table].filter(benchmark_id=BENCHMARK, dictionary_id=SAE)
        tables[table] = rows.with_columns(dictionary_id=pl.lit(KEY))
    stage_tables(scores_key(BENCHMARK, KEY), tables, settings)
    return tables


def test_scores_are_logged_once(scored, settings):
    run_id = log_scores(BENCHMARK, KEY, settings)
    with tracking(settings) as client:
        run = client.get_run(run_id)
        experiment = client.get_experiment(run.info.experiment_id).name
    assert run.info.status == "FINISHED"
    assert experiment == "efficientnet_lite0/blocks.5/benchmark"
    label = "efficientnet_lite0 blocks.5 · TopK SAE 10, k 3, seed 0"
    assert run.info.run_name == f"{label} · benchmark on 72 images · 4 classes, patterns, seed 42"
    scores = dict(scored["benchmark_scores"].select("metric", "value").iter_rows())
    assert len(scores) > 5
    about = scored["benchmarked_dictionaries"].row(0, named=True)
    dead = about["dead_features"] / about["features"]
    assert run.data.metrics == pytest.approx(scores | {"l0": about["l0"], "dead_fraction": dead})
    params = {"benchmark": BENCHMARK, "scored_dictionary": KEY, "method": "topk", "k": "3", "scoring.seed": "42"}
    assert run.data.params.items() >= params.items()
    [trained_on] = run.inputs.dataset_inputs
    assert trained_on.dataset.digest == "a" * 36
    assert run.data.tags["data_folder"] == f"frames/{scores_key(BENCHMARK, KEY)}"

    [row] = [
        row
        for key in staged_keys(settings)
        for row in read_staged(key, settings).get("mlflow_runs", pl.DataFrame()).to_dicts()
    ]
    about = {"kind": "benchmark", "result_id": scores_key(BENCHMARK, KEY), "experiment": experiment}
    assert row.items() >= (about | {"mlflow_run_id": run_id}).items()
    assert log_scores(BENCHMARK, KEY, settings) == run_id


def test_what_was_not_scored_cannot_be_logged(settings):
    write_dictionary(KEY, settings)
    with pytest.raises(UserError, match="no staged tables for"):
        log_scores(BENCHMARK, KEY, settings)
