"""Vectors in the registry: loaded, they say what their own product says; versions are kept, nothing is pickled."""

import shutil

import numpy as np
import pytest
import torch

from tasks.concepts.cav import Cav
from tasks.concepts.store import load_cavs, save_cavs
from tasks.errors import UserError
from tasks.staging import stage_tables
from tasks.tracking.cavs import register_cavs
from tasks.tracking.runs import log_analysis
from tasks.tracking.store import tracking
from tests.damage import flip
from tests.sample_tables import sample_tables
from tests.sample_tables.concepts import CONCEPT_ANALYSIS, CONCEPTS, RANDOM_SETS
from tests.sample_tables.planted import LAYER, NETWORK
from tests.tasks.tracking.test_attacks import Asked
from tests.tasks.tracking.test_registry import model_folder, pickles_in

CHANNELS = 7
STRIPES = CONCEPTS["stripes"]


def write_analysis(settings, analysis=CONCEPT_ANALYSIS) -> str:
    """Frames and vectors as `analyse_concepts` leaves them, logged; returns the run's id."""
    tables = {table: sample_tables()[table] for table in ("concepts", "concept_analyses", "cavs")}
    tables["concept_analyses"] = tables["concept_analyses"].with_columns(analysis=np.array([analysis]))
    stage_tables(analysis, tables, settings)
    generator = torch.Generator().manual_seed(0)
    save_cavs(
        analysis,
        {
            (LAYER, concept): [
                Cav(torch.nn.functional.normalize(torch.randn(CHANNELS, generator=generator), dim=0), 0.3 - place, 0.9)
                for place in range(len(RANDOM_SETS))
            ]
            for concept in CONCEPTS.values()
        },
        settings,
    )
    return log_analysis("concepts", analysis, analysis, f"{NETWORK}/concepts", Asked(), {}, {}, settings)


def test_a_version_is_the_vectors_own_product_and_says_what_it_is(settings):
    import mlflow
    from mlflow.models import Model

    run_id = write_analysis(settings)
    versions = register_cavs(CONCEPT_ANALYSIS, run_id, settings)
    assert versions == {(LAYER, concept): version for version, concept in enumerate(CONCEPTS.values(), start=1)}
    alias = f"latest-{NETWORK}-blocks-5-stripes"
    with tracking(settings) as client:
        model = mlflow.pyfunc.load_model(f"models:/logistic-cav@{alias}")
        version = client.get_model_version_by_alias("logistic-cav", alias)
        run = client.get_run(run_id)
    rows = np.random.default_rng(1).standard_normal((5, CHANNELS)).astype(np.float32)
    own = load_cavs(CONCEPT_ANALYSIS, settings)[LAYER, STRIPES]
    expected = (rows @ own.vectors_rd.numpy().T + own.intercepts_r.numpy()).mean(1)
    np.testing.assert_allclose(model.predict(rows), expected, atol=1e-6)

    assert int(version.version) == versions[LAYER, STRIPES]
    about = {"concept": STRIPES, "concept_name": "stripes", "network": NETWORK, "layer": LAYER, "pool": "mean"}
    assert version.tags == about | {"analysis": CONCEPT_ANALYSIS, "accuracy": "1.0"}
    assert f'"models:/logistic-cav/{version.version}"' in version.description
    how = "3 vectors of unit norm, each fitted against another random set, by logistic regression"
    assert how in version.description
    assert run.info.status == "FINISHED"
    assert len(run.outputs.model_outputs) == len(versions)

    folder = model_folder(settings, f"models:/logistic-cav/{version.version}")
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {"MLmodel", "cav.safetensors", "cav_model.py"} <= {path.name for path in files}
    assert [found for path in files for found in pickles_in(path.name, path.read_bytes())] == []
    described = Model.load(str(folder))
    assert described.signature.inputs.inputs[0].shape == (-1, CHANNELS)
    assert described.signature.outputs.inputs[0].shape == (-1,)
    assert np.shape(described.load_input_example(str(folder))) == (1, CHANNELS)
    pins = (folder / "requirements.txt").read_text().split()
    assert {pin.split("==")[0] for pin in pins} == {"mlflow", "numpy", "safetensors"}


def test_registering_again_keeps_versions_and_never_turns_an_alias_back(settings):
    first_run, other = write_analysis(settings), "b" * 64
    first = register_cavs(CONCEPT_ANALYSIS, first_run, settings)
    second = register_cavs(other, write_analysis(settings, other), settings)
    assert sorted(second.values()) == [3, 4]
    assert register_cavs(CONCEPT_ANALYSIS, first_run, settings) == first
    with tracking(settings) as client:
        assert len(client.search_model_versions("name = 'logistic-cav'")) == 4
        latest = client.get_model_version_by_alias("logistic-cav", f"latest-{NETWORK}-blocks-5-stripes")
    assert int(latest.version) == second[LAYER, STRIPES]


def test_without_vectors_nothing_is_registered(settings):
    run_id = write_analysis(settings)
    [file] = settings.cavs_dir.rglob("*.safetensors")
    file.unlink()
    with pytest.raises(UserError, match=r"cavs\.safetensors is missing: run the `concepts` flow again"):
        register_cavs(CONCEPT_ANALYSIS, run_id, settings)
    with tracking(settings) as client:
        assert client.search_registered_models() == []


@pytest.mark.parametrize("bit", [70, 999, 1_234])
def test_a_damaged_model_is_refused_by_name(settings, tmp_path, bit):
    import mlflow

    register_cavs(CONCEPT_ANALYSIS, write_analysis(settings), settings)
    copy = tmp_path / "model"
    shutil.copytree(model_folder(settings, "models:/logistic-cav/1"), copy)
    [file] = copy.rglob("cav.safetensors")
    flip(file, bit)
    with pytest.raises(ValueError, match=r"cav\.safetensors is damaged .*: delete this model version in MLflow"):
        mlflow.pyfunc.load_model(str(copy))
