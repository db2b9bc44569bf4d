"""What connects MLflow with the tables: staged rows, made once, and the datasets that a run was computed from."""

import json
from datetime import datetime

import polars as pl
import pytest

from tasks.activations.extract import extract
from tasks.activations.plan import ExtractionConfig
from tasks.provenance import made_in
from tasks.settings import Settings
from tasks.staging import read_staged, stage_tables, staged_keys
from tasks.tracking.lineage import address_of, inputs_of
from tasks.tracking.registry import register
from tasks.tracking.runs import log_analysis, log_training, study_run
from tasks.tracking.store import tracking
from tasks.vision.images import ImagesConfig
from tests.sample_tables import sample_tables
from tests.sample_tables.concepts import CONCEPT_ANALYSIS, CONCEPTS, RANDOM_SETS, ZEBRAS
from tests.tasks.tracking.conftest import write_dictionary

KEY = "d" * 64


def staged(settings, table: str) -> list[dict]:
    """The rows of a table that are staged under any key."""
    tables = [read_staged(key, settings) for key in staged_keys(settings)]
    return [row for each in tables if table in each for row in each[table].to_dicts()]


def test_the_run_of_a_dictionary_is_a_row_once(settings):
    write_dictionary(KEY, settings)
    run_id = log_training(KEY, settings)
    assert log_training(KEY, settings) == run_id
    [row] = staged(settings, "mlflow_runs")
    with tracking(settings) as client:
        started_at = client.get_run(run_id).info.start_time
    assert (row.pop("started_at") - datetime(1970, 1, 1)).total_seconds() == pytest.approx(started_at / 1000)
    about = {"kind": "dictionary", "experiment": "efficientnet_lite0/blocks.5"}
    assert row == about | {"mlflow_run_id": run_id, "result_id": KEY}


def test_a_run_that_was_logged_before_gets_its_row_from_the_next_step(settings):
    write_dictionary(KEY, settings)
    run_id = log_training(KEY, settings)
    [key] = staged_keys(settings)
    (settings.staging_dir / key).rename(settings.data_dir / "elsewhere")
    assert log_training(KEY, settings) == run_id
    assert staged_keys(settings) == [key]


def test_a_version_is_a_row_once(settings):
    write_dictionary(KEY, settings)
    run_id = log_training(KEY, settings)
    for _ in range(2):
        version = register(KEY, run_id, settings)
    assert staged(settings, "mlflow_models") == [
        {"model_name": "topk-group-crosscoder", "version": version, "mlflow_run_id": run_id, "result_id": KEY}
        | {"concept_id": None, "layer": None}
    ]


def test_studies_that_are_no_results_have_no_row(settings):
    with study_run("sweep", KEY, "net · sweep", "net/layer", settings):
        pass
    assert staged(settings, "mlflow_runs") == []


def test_the_flow_run_notes_runs_and_versions_by_name(settings):
    write_dictionary(KEY, settings)
    with made_in("run") as run:
        run_id = log_training(KEY, settings)
        register(KEY, run_id, settings)
    label = "efficientnet_lite0 blocks.5 · TopK group crosscoder 10, D2, k 3, seed 0"
    assert run.places == {
        f"MLflow run {label}": f"experiment efficientnet_lite0/blocks.5 run {run_id}",
        "versions of model topk-group-crosscoder": "models:/topk-group-crosscoder/1",
    }


def test_a_run_on_a_server_has_an_address(settings):
    write_dictionary(KEY, settings)
    with tracking(settings) as client:
        run = client.get_run(log_training(KEY, settings))
    served = Settings(data_dir=settings.data_dir, tracking_uri="http://127.0.0.1:5000/")
    address = f"http://127.0.0.1:5000/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"
    assert address_of(run, "net/layer", served) == address


def described(inputs) -> list[tuple]:
    """(name, digest, source, profile, context) of dataset inputs."""
    datasets = [(one.dataset, *(tag.value for tag in one.tags)) for one in inputs]
    return [
        (dataset.name, dataset.digest, json.loads(dataset.source), json.loads(dataset.profile), *tags)
        for dataset, *tags in datasets
    ]


def test_a_dictionary_was_trained_on_its_activation_set(settings):
    images = ImagesConfig(sources=("dead-leaves",), scenes=3, frame_size=64)
    config = ExtractionConfig(network="gabor-bank-4x3x2x2", layer="gabor", images=images, n_rotations=4, orbits=12)
    key = extract(config, settings)
    tags = {"activation_set": key, "network": config.network, "layer": config.layer}
    assert described(inputs_of("dictionary", KEY, tags, settings)) == [
        (
            "gabor-bank-4x3x2x2 gabor · 12 orbits of D4, norm sampling, seed 0",
            key[:36],
            {"uri": f"activations/{key}"},
            {"content_key": key, "orbits": 12, "group_order": 8, "images": 3},
            "activations",
        )
    ]


def test_the_dataset_of_a_set_that_was_deleted_has_its_key(settings):
    write_dictionary(KEY, settings)
    with tracking(settings) as client:
        run = client.get_run(log_training(KEY, settings))
    [(name, digest, source, profile, _)] = described(run.inputs.dataset_inputs)
    assert (name, digest) == ("efficientnet_lite0 blocks.5", "a" * 36)
    assert (source, profile) == ({"uri": f"activations/{'a' * 64}"}, {"content_key": "a" * 64})


def test_a_concept_analysis_was_made_from_its_image_sets(settings):
    stage_tables(CONCEPT_ANALYSIS, {"concepts": sample_tables()["concepts"]}, settings)
    logged = log_analysis("concepts", CONCEPT_ANALYSIS, "net · TCAV", "net/concepts", Settings(), {}, {}, settings)
    with tracking(settings) as client:
        inputs = described(client.get_run(logged).inputs.dataset_inputs)
    found = {name: (profile["images"], context) for name, _, _, profile, context in inputs}
    exemplars = dict(sample_tables()["concepts"].select("name", "exemplars").iter_rows())
    assert {"stripes": (exemplars["stripes"], "concept"), "zebra": (5, "class")}.items() <= found.items()
    assert found[f"{len(RANDOM_SETS)} random sets"] == (4 * len(RANDOM_SETS), "random")
    attacked = set(sample_tables()["concepts"].filter(origin="attacked")["name"])
    assert attacked
    assert not attacked & found.keys()
    assert {profile["content_key"] for _, _, _, profile, _ in inputs} >= {*CONCEPTS.values(), ZEBRAS}
    assert {source["uri"] for _, _, source, _, _ in inputs} == {f"frames/{CONCEPT_ANALYSIS}"}


def test_tuning_dimensions_were_found_in_an_activation_set(settings):
    analyses = sample_tables()["dimension_analyses"].head(1)
    key = analyses["dimension_analysis_id"].item()
    stage_tables(key, {"dimension_analyses": analyses}, settings)
    [(_, digest, *_)] = described(inputs_of("dimensions", key, {}, settings))
    assert digest == analyses["activation_set_id"].item()[:36]


def test_what_is_not_staged_has_no_inputs(settings):
    assert inputs_of("concepts", KEY, {}, settings) == []
    assert inputs_of("attack", f"{KEY}/concept/noise/8", {}, settings) == []
    stage_tables(KEY, {"runs": pl.DataFrame({"flow_run_id": ["r"]})}, settings)
    assert inputs_of("facets", KEY, {}, settings) == []
