"""The flows themselves on a small configuration: what they leave behind, and that doing it again does nothing."""

import json

import polars as pl
import pytest

from flows.atlas import AtlasConfig, atlas
from flows.config import read_config
from flows.extract import extract
from flows.publish import publish
from flows.symmetry import SymmetryConfig, symmetry
from flows.train import TrainConfig, train
from tasks.dictionary.store import folder_of, trained
from tasks.errors import UserError
from tasks.staging import stage_tables, staged_keys
from tasks.warehouse.query import query
from tests.damage import flip
from tests.sample_tables import sample_tables
from tests.tasks.tracking.conftest import write_dictionary

pytestmark = pytest.mark.usefixtures("prefect_api")

SMALL = [
    "extraction.layer=block1",
    "extraction.orbits=60",
    "extraction.n_rotations=4",
    "extraction.orbits_per_shard=20",
    'extraction.images.sources=["dead-leaves"]',
    "extraction.images.scenes=6",
    "visualised=2",
    "ablated=2",
    *(
        f"{part}.{field}"
        for part in ("sae", "crosscoder")
        for field in ("features=24", "k=4", "steps=10", "batch_size=32")
    ),
]


@pytest.fixture
def small() -> AtlasConfig:
    return read_config(AtlasConfig, None, SMALL)


def files(settings) -> dict:
    """When each file of the activations and the dictionaries was written."""
    folders = (settings.activations_dir, settings.dictionaries_dir)
    return {path: path.stat().st_mtime_ns for folder in folders for path in folder.rglob("*") if path.is_file()}


def test_atlas_goes_from_images_to_the_page(small, settings):
    summary = atlas(small)

    found = query("SELECT architecture, features, k, steps FROM dictionaries ORDER BY architecture", settings).rows()
    assert found == [("group-crosscoder", 24, 4, 10), ("sae", 24, 4, 10)]
    assert query("SELECT orbits, group_order FROM activation_sets", settings).rows() == [(60, 8)]
    assert set(summary.content_keys.values()) == {
        *query("SELECT activation_set_id FROM activation_sets", settings)["activation_set_id"],
        *query("SELECT dictionary_id FROM dictionaries", settings)["dictionary_id"],
    }
    [run] = query("SELECT flow, config FROM runs", settings).rows()
    assert run[0] == "atlas"
    assert AtlasConfig.model_validate(json.loads(run[1])) == small
    assert_lineage_is_complete(summary, settings)
    types = query("SELECT count(*) FROM feature_symmetry", settings).item()
    assert types == sum(int(value) for name, value in summary.figures.items() if name.startswith("features: "))
    assert (settings.site_dir / "index.html").exists()

    from mlflow import MlflowClient

    client = MlflowClient(settings.mlflow_tracking_uri)
    for name in ("topk-sae", "topk-group-crosscoder"):
        champion = client.get_model_version_by_alias(name, "champion")
        assert champion.tags["dictionary"] in summary.content_keys.values()
        figures = {file.path for file in client.list_artifacts(champion.run_id, "figures")}
        assert {"figures/training.png", "figures/density.png"} <= figures
        assert ("figures/profiles.png" in figures) == ("crosscoder" in name)
    stability = query("SELECT stability - stability_random FROM dictionary_scores", settings).to_series()
    assert stability.null_count() == 0
    assert len(trained(settings)) == 4  # each method and its replica
    pairs = query("SELECT other_seed, differs_in_seed_alone, count(*) FROM matched_dictionaries GROUP BY ALL", settings)
    assert sorted(pairs.rows()) == [(0, False, 2), (1, False, 2), (1, True, 2)]
    live = query("SELECT dictionary_id, feature FROM features WHERE NOT dead", settings).rows()
    for details in ("activation_histograms", "quantile_examples", "feature_neurons", "feature_heat_maps"):
        found = query(f"SELECT DISTINCT dictionary_id, feature FROM {details}", settings).rows()
        assert sorted(found) == sorted(live)
    ablated = query("SELECT DISTINCT dictionary_id, feature FROM classes_changed_by_ablation", settings)
    assert ablated["dictionary_id"].value_counts()["count"].to_list() == [2, 2]

    before, snapshot, site = files(settings), settings.published_file.resolve(), settings.site_dir.resolve()
    again = atlas(small)
    assert again.content_keys == summary.content_keys
    assert files(settings) == before
    assert query("SELECT count(*) FROM dictionaries", settings).item() == 2
    assert query("SELECT count(*) FROM runs", settings).item() == 1  # the second made nothing: its row waits
    assert settings.published_file.resolve() == snapshot
    assert settings.site_dir.resolve() == site

    floors = query("SELECT orbit_linear_fvu, matching_pursuit_fvu FROM dictionary_scores", settings)
    assert floors.null_count().row(0) == (2, 2)
    # of all dictionaries but replicas
    analysed = symmetry(SymmetryConfig(families=small.families, predictor_steps=5))
    assert analysed.title == "Features of 2 dictionaries"
    assert publish().missing == {}
    predicted = query("SELECT architecture FROM dictionary_scores WHERE linear_prediction_fvu IS NOT NULL", settings)
    assert predicted.rows() == [("group-crosscoder",)]
    floors = query("SELECT fvu, orbit_linear_fvu, matching_pursuit_fvu FROM dictionary_scores ORDER BY ALL", settings)
    [fvu, orbit_linear, matching_pursuit] = floors.drop_nulls().row(0)
    assert 0 < matching_pursuit < fvu
    assert 0 < orbit_linear < 1


def assert_lineage_is_complete(summary, settings):
    """Every result is the run's, and the dictionaries have their images, their MLflow runs and their versions."""
    from mlflow import MlflowClient

    [(run, started_at)] = query("SELECT flow_run_id, started_at FROM runs", settings).rows()
    lineage = query("SELECT * FROM lineage", settings)
    assert set(lineage["kind"]) >= {"activation set", "dictionary", "family analysis"}
    assert {*lineage["flow_run_id"]} == {run}
    assert {*lineage["flow"]} == {"atlas"}
    assert lineage["made_at"].min() >= started_at.replace(microsecond=0)
    assert {*lineage["images"]} == {6}
    assert lineage["image_sources"].explode().unique().to_list() == ["dead-leaves"]
    client = MlflowClient(settings.mlflow_tracking_uri)
    for row in lineage.filter(kind="dictionary").iter_rows(named=True):
        version = client.get_model_version(row["model_name"], str(*row["model_versions"]))
        assert version.tags["dictionary"] == row["result_id"]
        logged = client.get_run(row["mlflow_run_id"])
        assert version.run_id == row["mlflow_run_id"]
        assert logged.data.tags["flow_run_id"] == run
        [trained_on] = logged.inputs.dataset_inputs
        assert row["activation_set_id"].startswith(trained_on.dataset.digest)
        assert summary.places[f"MLflow run {row['result_label']}"].endswith(row["mlflow_run_id"])
    [(results, made)] = query("SELECT results, made FROM runs_overview", settings).rows()
    assert results == len(made) == len(lineage)
    of_features = query("SELECT DISTINCT flow FROM lineage_by_table WHERE table_name = 'features'", settings)
    assert of_features.rows() == [("atlas",)]


def test_the_stages_one_by_one_make_what_atlas_makes(small, settings):
    extracted = extract(small.extraction)
    assert extracted.figures["group order |G|"] == "8"
    assert extracted.figures["shards"] == "4"
    made = train(TrainConfig(extraction=small.extraction, dictionary=small.crosscoder))
    assert trained(settings) == (made.content_keys["dictionary"],)
    analysed = symmetry()
    label = "efficientnet_lite0 block1 · TopK group crosscoder 24, D4, k 4, norm sampling, seed 0"
    assert list(analysed.content_keys) == [f"dictionary {label}", f"analysis of {label}"]
    assert analysed.content_keys[f"dictionary {label}"] == made.content_keys["dictionary"]
    published = publish()
    assert published.figures["dictionaries"] == "1"
    assert published.figures["new champions"] == "topk-group-crosscoder"
    assert query("SELECT flow FROM runs ORDER BY started_at", settings)["flow"].to_list() == [
        "extract",
        "train",
        "symmetry",
    ]
    made = query("SELECT kind, flow FROM lineage ORDER BY ALL", settings).rows()
    assert made == [("activation set", "extract"), ("dictionary", "train"), ("family analysis", "symmetry")]


def test_an_unknown_dictionary_is_one_line(settings):
    with pytest.raises(UserError, match="no trained dictionary 0000"):
        symmetry(SymmetryConfig(dictionaries=("0000",)))
    with pytest.raises(UserError, match="run `kaleidoscope run train` first"):
        symmetry()


def test_damaged_dictionaries_are_named_and_stop_nothing(settings):
    for key in ("a" * 64, "b" * 64):
        write_dictionary(key, settings)
        flip(folder_of(key, settings) / "model.safetensors", 5_000)
    summary = symmetry()
    assert list(summary.failures) == ["a" * 64, "b" * 64]
    assert all("model.safetensors is damaged" in reason for reason in summary.failures.values())


def test_what_can_not_be_published_stops_itself_only(settings):
    tables = sample_tables()
    stage_tables("sample", tables, settings)
    offending = tables["runs"].with_columns(flow_run_id=pl.lit("offends"), seconds=pl.lit(-1.0))
    stage_tables("offending", {"runs": offending}, settings)
    stage_tables("waiting", {"shards": tables["shards"].with_columns(activation_set_id=pl.lit("no set"))}, settings)
    (settings.staging_dir / "notes.txt").write_text("a letter")
    summary = publish()
    assert set(summary.missing) == {"frames/offending", "frames/notes.txt", "waiting"}
    assert "runs.seconds" in summary.missing["frames/offending"]
    assert "activation_sets no set, which does not exist" in summary.missing["waiting"]
    assert query("SELECT DISTINCT load_key FROM loads", settings)["load_key"].to_list() == ["sample"]
    assert query("SELECT subject, kind, name FROM data_quality WHERE subject = 'set aside'", settings).rows() == [
        ("set aside", "frames", "notes.txt"),
        ("set aside", "frames", "offending"),
        ("set aside", "waiting", "waiting"),
    ]
    assert staged_keys(settings)[-2:] == ["sample", "waiting"]
