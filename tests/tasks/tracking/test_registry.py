import io
import os
import pickle
import pickletools
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version as installed_version
from pathlib import Path

import numpy as np
import pytest
import torch

from tasks.checksums import COMMIT
from tasks.dictionary.store import load_dictionary
from tasks.errors import UserError
from tasks.settings import ROOT, Settings
from tasks.tracking.promotion import promote
from tasks.tracking.registry import register
from tasks.tracking.runs import log_training
from tasks.tracking.store import tracking
from tests.damage import flip
from tests.tasks.tracking.conftest import CHANNELS, FEATURES, GROUP_ORDER, plain_features, write_dictionary

KEY = "d" * 64
LOAD = """
import importlib.util, os, sys
root, *pairs = sys.argv[1:]
sys.path = [path for path in sys.path if os.path.realpath(path) != os.path.realpath(root)]
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]
assert importlib.util.find_spec("tasks") is None, "this process can see our code"
for package in ("polars", "torchvision", "skimage", "prefect", "duckdb"):
    sys.modules[package] = None  # the model must do without
import mlflow, numpy
for uri, folder in zip(pairs[::2], pairs[1::2]):
    model = mlflow.pyfunc.load_model(uri)
    for file in os.listdir(folder):
        numpy.save(os.path.join(folder, "features_" + file), model.predict(numpy.load(os.path.join(folder, file))))
print(sys.modules["tasks"].__file__)
"""


def registered(key, settings, **how):
    tensors = write_dictionary(key, settings, **how)
    return tensors, register(key, log_training(key, settings), settings)


def rows_of(count, name, seed=1):
    shape = (count, CHANNELS) if name == "topk-sae" else (count, GROUP_ORDER, CHANNELS)
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.fixture(scope="module")
def registry(tmp_path_factory, empty_store):
    """A store with an SAE and two crosscoders; read only."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("registry"), tracking_uri=None)
    settings.mlflow_dir.mkdir(parents=True)
    shutil.copyfile(empty_store, settings.mlflow_dir / "mlflow.db")
    sae, _ = registered("1" * 64, settings, architecture="sae")
    identity, _ = registered("3" * 64, settings, harmonics=0, seed=3)
    orbit, orbit_version = registered("2" * 64, settings, encode_from="orbit", seed=2)
    assert promote("topk-sae", True, settings)
    assert promote("topk-group-crosscoder", True, settings)
    return settings, {
        "models:/topk-sae@champion": sae,
        f"models:/topk-group-crosscoder/{orbit_version}": orbit,
        "models:/topk-group-crosscoder@champion": identity,
    }


def test_a_fresh_process_loads_it_and_gets_the_same_features(registry, tmp_path):
    settings, models = registry
    arguments = []
    for index, uri in enumerate(models):
        folder = tmp_path / str(index)
        folder.mkdir()
        for count in (1, 2, 37):
            np.save(folder / f"{count}.npy", rows_of(count, uri.removeprefix("models:/").split("@")[0]))
        arguments += [uri, str(folder)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "KALEIDOSCOPE"))}
    environment |= {"MLFLOW_TRACKING_URI": settings.mlflow_tracking_uri}
    child = subprocess.run(
        [sys.executable, "-I", "-c", LOAD, str(ROOT), *arguments],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert child.returncode == 0, child.stderr
    assert not Path(child.stdout.splitlines()[-1]).is_relative_to(ROOT / "tasks")

    for index, tensors in enumerate(models.values()):
        for count in (1, 2, 37):
            rows = np.load(tmp_path / str(index) / f"{count}.npy")
            features = np.load(tmp_path / str(index) / f"features_{count}.npy")
            assert features.shape == (count, FEATURES)
            np.testing.assert_allclose(features, plain_features(tensors, rows), atol=1e-5)
            assert (features > 0).any()


def test_load_dictionary_gives_the_same_features(registry):
    settings, models = registry
    for key, (uri, tensors) in zip(("1" * 64, "2" * 64, "3" * 64), models.items(), strict=True):
        rows = rows_of(5, "topk-sae" if "sae" in uri else "topk-group-crosscoder")
        features = load_dictionary(key, settings).encode(torch.from_numpy(rows))
        np.testing.assert_allclose(features, plain_features(tensors, rows), atol=1e-5)


def model_folder(settings, uri) -> Path:
    import mlflow

    with tracking(settings):
        return Path(mlflow.artifacts.download_artifacts(uri))


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", COMMIT])
def test_a_damaged_model_is_refused_by_name(registry, tmp_path, name):
    import mlflow

    settings, _ = registry
    copy = tmp_path / "model"
    shutil.copytree(model_folder(settings, "models:/topk-sae@champion"), copy)
    [file] = copy.rglob(name)
    flip(file, 3_333)
    with pytest.raises(Exception, match=f"{name} is damaged .*: delete this model version in MLflow and run") as raised:
        mlflow.pyfunc.load_model(str(copy))
    assert type(raised.value).__name__ == "Damaged"
    assert "\n" not in str(raised.value)


def pickles_in(name: str, content: bytes) -> list[str]:
    """Everything that is, or holds, a pickle stream."""
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {f"{name}:{member}": archive.read(member) for member in archive.namelist()}
        return [found for member in members for found in pickles_in(member, members[member])]
    try:
        list(pickletools.genops(content))
    except ValueError:
        return [name] if name.endswith((".pkl", ".pickle", ".joblib")) else []
    return [name]


def test_no_file_of_the_model_is_a_pickle(registry):
    settings, models = registry
    for uri in models:
        files = [path for path in model_folder(settings, uri).rglob("*") if path.is_file()]
        assert {"MLmodel", "model.safetensors", "dictionary_model.py"} <= {path.name for path in files}
        assert [found for path in files for found in pickles_in(path.name, path.read_bytes())] == []


def test_the_search_for_pickles_finds_them():
    buffer = io.BytesIO()
    torch.save({"weight": torch.zeros(2)}, buffer)
    assert pickles_in("plain", pickle.dumps({"weight": 1})) == ["plain"]
    assert any(found.endswith("data.pkl") for found in pickles_in("model.pt2", buffer.getvalue()))


def test_requirements_are_pinned_to_what_is_installed(registry):
    settings, models = registry
    lines = (model_folder(settings, next(iter(models))) / "requirements.txt").read_text().split()
    pins = dict(line.split("==") for line in lines)
    assert {"mlflow", "torch", "safetensors", "pydantic"} <= set(pins)
    assert all(installed_version(name).split("+")[0] == version for name, version in pins.items())


def test_a_version_says_what_it_is(registry):
    from mlflow.models import Model

    settings, _ = registry
    folder = model_folder(settings, "models:/topk-group-crosscoder@champion")
    model = Model.load(str(folder))
    with tracking(settings) as client:
        version = client.get_model_version_by_alias("topk-group-crosscoder", "champion")
        run = client.get_run(version.run_id)
        (output,) = run.outputs.model_outputs
    assert run.info.status == "FINISHED"
    assert folder.is_relative_to(settings.mlflow_dir / "artifacts")
    assert version.source == f"models:/{output.model_id}"
    assert model.signature.inputs.inputs[0].shape == (-1, GROUP_ORDER, CHANNELS)
    assert model.signature.outputs.inputs[0].shape == (-1, FEATURES)
    assert np.shape(model.load_input_example(str(folder))) == (2, GROUP_ORDER, CHANNELS)
    assert version.tags["dictionary"] == run.data.tags["dictionary"]
    assert version.tags | {"network": "efficientnet_lite0", "layer": "blocks.5", "group_order": "4"} == version.tags
    assert (float(version.tags["fvu"]), float(version.tags["l0"])) == (0.25, 2.5)
    label = "efficientnet_lite0 blocks.5 · TopK group crosscoder 10, D2, k 3, seed 3"
    assert version.description.startswith(f"{label}\n\n")
    assert "TopK group crosscoder on `efficientnet_lite0` `blocks.5`" in version.description
    assert "the identity block, decoder band-limited to harmonics ≤ 0." in version.description
    assert "| fvu | 0.25 |" in version.description
    assert f'load_model("models:/topk-group-crosscoder/{version.version}")' in version.description


def test_a_version_without_its_card_gets_it_when_it_is_registered_again(registry):
    """The card names the version's number, so it is written after the version: a crash in between is mended."""
    settings, _ = registry
    with tracking(settings) as client:
        filed = client.get_model_version_by_alias("topk-group-crosscoder", "champion")
        client.update_model_version(filed.name, filed.version, "")
        assert register(filed.tags["dictionary"], filed.run_id, settings) == int(filed.version)
        assert client.get_model_version(filed.name, filed.version).description == filed.description


def test_registering_again_keeps_version_and_candidate(settings):
    _, first = registered("1" * 64, settings)
    _, second = registered("2" * 64, settings)
    assert (first, second) == (1, 2)
    assert register("1" * 64, log_training("1" * 64, settings), settings) == first
    with tracking(settings) as client:
        assert len(client.search_model_versions("name = 'topk-group-crosscoder'")) == 2
        assert int(client.get_model_version_by_alias("topk-group-crosscoder", "candidate").version) == second


def test_a_diverged_dictionary_is_not_registered(settings):
    write_dictionary(KEY, settings, fvu=float("nan"))
    with pytest.raises(UserError, match="FVU"):
        register(KEY, log_training(KEY, settings), settings)
    with tracking(settings) as client:
        assert client.search_registered_models() == []
