"""The import flow on a small dictionary: it has tables, curves, pictures, a model and a page like one of ours."""

import json

import pytest

from flows.config import read_config
from flows.import_dictionary import ImportDictionaryConfig, import_dictionary
from tasks.activations.extract import extract
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.exchange.exporting import export_dictionary
from tasks.dictionary.store import read_metrics
from tasks.dictionary.train import train
from tasks.errors import UserError
from tasks.settings import Settings
from tasks.tracking.hub import write_model_folder
from tasks.warehouse.query import query
from tests.flows.test_flows import files

SMALL = [
    "extraction.layer=block1_expand",
    "extraction.orbits=240",
    "extraction.orbits_per_shard=100",
    'extraction.images.sources=["dead-leaves"]',
    "extraction.images.scenes=6",
    "visualised=2",
    "ablated=2",
]


def small(*more: str) -> ImportDictionaryConfig:
    return read_config(ImportDictionaryConfig, None, [*SMALL, *more])


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A small BatchTopK dictionary, trained in another data folder and written for dictionary-learning, and its FVU."""
    folder = tmp_path_factory.mktemp("exported")
    elsewhere = Settings(data_dir=folder / "data")
    activation_set = extract(small().extraction, elsewhere)
    sae = DictionaryConfig(
        architecture="sae", method="batchtopk", features=48, k=4, steps=40, batch_size=64, orbit_reuse=False
    )
    key = train(activation_set, sae, elsewhere)
    export_dictionary(key, "dictionary-learning", folder / "out", elsewhere)
    return folder / "out", read_metrics(key, elsewhere)["fvu"]


def test_the_default_extraction_is_that_of_early_vision_and_fields_change_it_one_by_one():
    extraction = read_config(ImportDictionaryConfig, None, ["extraction.layer=block3"]).extraction
    assert (extraction.layer, extraction.n_rotations, extraction.reflections) == ("block3", 1, False)
    assert (extraction.orbits, extraction.orbits_per_shard) == (12_000, 4_000)


@pytest.mark.usefixtures("prefect_api")
def test_an_imported_dictionary_is_like_one_of_ours(exported, settings, tmp_path):
    folder, fvu = exported
    config = small(f"folder={json.dumps(str(folder))}", "library=dictionary-learning")
    summary = import_dictionary(config)
    key = summary.content_keys["dictionary"]

    scores = query("FROM dictionary_scores", settings)
    [row] = scores.to_dicts()
    assert row["dictionary_id"] == key
    assert (row["method"], row["features"], row["k"], row["steps"], row["rows_seen"]) == ("batchtopk", 48, 4, 0, 0)
    assert row["fvu"] == pytest.approx(fvu, rel=1e-4)
    assert row["loss_recovered_zero"] is not None
    stored = json.loads(row["config"])
    assert (stored["library"], stored["scaling"]) == ("dictionary-learning", "none")
    for table in ("features", "feature_examples", "feature_neighbours", "feature_visualisations", "neurons"):
        assert query(f"SELECT count(*) FROM {table} WHERE dictionary_id = '{key}'", settings).item() > 0, table
    tuned = query("SELECT kind, units FROM unit_sets ORDER BY kind", settings).rows()
    assert [kind for kind, _ in tuned] == ["features", "neurons"]
    assert query("SELECT count(*) FROM training_steps", settings).item() == 0
    assert query("SELECT count(*) FROM audit_results WHERE NOT passed", settings).item() == 0
    assert "imported" in (settings.site_dir / "index.html").read_text()
    assert list((settings.site_dir / "features").glob(f"{key[:12]}-*.html"))
    assert {"scaling", "the same with scaling standardised"} < summary.figures.keys()

    from mlflow import MlflowClient

    client = MlflowClient(settings.mlflow_tracking_uri)
    champion = client.get_model_version_by_alias("batchtopk-sae", "champion")
    assert champion.tags["dictionary"] == key
    assert "Imported from dictionary-learning" in champion.description
    params = client.get_run(champion.run_id).data.params
    assert params["library"] == "dictionary-learning"
    assert "learning_rate" not in params

    write_model_folder(key, tmp_path / "model", "apache-2.0", settings)
    assert "* Imported from dictionary-learning (weights with SHA-256" in (tmp_path / "model" / "README.md").read_text()

    before = files(settings)
    assert import_dictionary(config).content_keys == summary.content_keys
    assert files(settings) == before


@pytest.mark.usefixtures("prefect_api")
def test_a_mistake_shows_before_the_extraction(exported, settings, tmp_path):
    folder, _ = exported
    for assignments, message in (
        ([], "folder is not set: set it to the folder that the library wrote"),
        ([f"folder={json.dumps(str(tmp_path))}"], "has no cfg.json"),
        (
            [f"folder={json.dumps(str(folder))}", "library=dictionary-learning", "extraction.layer=block5_expand"],
            "is for 96 channels, and the layer has 240",
        ),
        ([f"folder={json.dumps(str(folder))}", "extraction.layer=block99"], "has no layer 'block99'"),
    ):
        with pytest.raises(UserError) as refused:
            import_dictionary(small(*assignments))
        [line] = str(refused.value).splitlines()
        assert message in line
    assert not settings.activations_dir.exists()
