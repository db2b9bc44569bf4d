"""The folder for a model hub: its card's header and figures, and the lines on it that load the weights."""

import contextlib
import json
import re
import shutil
from types import SimpleNamespace

import pytest
import torch
import yaml
from huggingface_hub import ModelCard

from tasks.activations.plan import ExtractionConfig
from tasks.dictionary import store
from tasks.dictionary.analyse import analysis_key
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.methods import OF_ONE_ATOM, STEERABLE
from tasks.dictionary.metrics import evaluate
from tasks.errors import UserError
from tasks.staging import stage_tables
from tasks.storage import writing
from tasks.tracking import hub
from tasks.tracking.hub import write_model_folder
from tests.sample_tables import sample_tables
from tests.sample_tables.planted import SAE
from tests.tasks.dictionary.conftest import PlantedOrbits
from tests.tasks.tracking.conftest import write_dictionary

KEY = "c" * 64
ORBITS = PlantedOrbits()


@pytest.fixture(autouse=True)
def plan(monkeypatch, tmp_path):
    """The plan of every activation set: two photographs of a folder and one scene."""
    sources = ("folder", "folder", "dead-leaves")
    plan = SimpleNamespace(
        config=ExtractionConfig(images={"folder": str(tmp_path / "my photographs")}),
        images=SimpleNamespace(frames=[SimpleNamespace(source=source) for source in sources]),
        network={"weights_sha256": "e" * 64},
        group=ORBITS.group,
    )
    monkeypatch.setattr(hub.ExtractionPlan, "open", lambda key, settings: plan)
    return plan


def random_dictionary(settings, **fields):
    """A stored dictionary of random weights, thresholds and scale."""
    torch.manual_seed(0)
    config = DictionaryConfig(**{"features": 20, "k": 3} | fields)
    dictionary = store.create(config, ORBITS.channels, ORBITS.group)
    for parameter in dictionary.parameters():
        torch.nn.init.normal_(parameter, std=0.1 if parameter.ndim < 2 else 1)
    dictionary.scale.fill_(0.37)
    if hasattr(dictionary, "threshold"):
        dictionary.threshold.fill_(0.8)
    dictionary.eval().requires_grad_(False)
    with writing(store.folder_of(KEY, settings)):
        store.write_dictionary(KEY, dictionary, evaluate(dictionary, ORBITS), ORBITS, settings, version=1)
    return dictionary


def card_of(folder) -> tuple[dict, str]:
    """The header of a card, and its text."""
    _, header, text = (folder / "README.md").read_text().split("---\n", 2)
    return yaml.safe_load(header), text


def run_the_example(folder) -> dict:
    [example] = re.findall(r"^```python\n(.*?)^```", (folder / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    names = {}
    with contextlib.chdir(folder):
        exec(compile(example, "README.md", "exec"), names)
    return names


def assert_the_example_computes(dictionary, folder, rows):
    names = run_the_example(folder)
    with torch.no_grad():
        features = names["encode"](rows)
        decoded = names["decode"](features)
    expected = dictionary.encode(rows)
    assert (expected > 0).any()
    torch.testing.assert_close(features, expected, rtol=1e-4, atol=1e-4)
    blocks = dictionary.decode(expected)
    torch.testing.assert_close(decoded, blocks if dictionary.is_crosscoder else blocks[:, 0], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("method", OF_ONE_ATOM)
@pytest.mark.parametrize(
    "shape", [{}, {"encode_from": "orbit"}, {"harmonics": 1}, {"encode_from": "orbit", "harmonics": 1}]
)
def test_a_crosscoder_is_loaded_by_the_lines_on_its_card(method, shape, settings, tmp_path):
    dictionary = random_dictionary(settings, method=method, **shape)
    write_model_folder(KEY, tmp_path / "model", "apache-2.0", settings)
    assert_the_example_computes(dictionary, tmp_path / "model", ORBITS.acts[0].float())
    header, _ = card_of(tmp_path / "model")
    assert header["library_name"] == "pytorch"
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]


@pytest.mark.parametrize("method", STEERABLE)
@pytest.mark.parametrize("harmonics", [None, 1])
def test_a_steerable_crosscoder_is_loaded_by_the_lines_on_its_card(method, harmonics, settings, tmp_path):
    fields = {"architecture": "steerable-crosscoder", "features": 4 * ORBITS.group.order, "harmonics": harmonics}
    dictionary = random_dictionary(settings, method=method, **fields)
    write_model_folder(KEY, tmp_path / "model", "apache-2.0", settings)
    assert_the_example_computes(dictionary, tmp_path / "model", ORBITS.acts[0].float())
    header, text = card_of(tmp_path / "model")
    assert header["library_name"] == "pytorch"
    assert "steerable-crosscoder" in header["tags"]
    assert " steerable crosscoder on planted" in text


@pytest.mark.parametrize("method", OF_ONE_ATOM)
def test_an_sae_is_loaded_by_sae_lens(method, settings, tmp_path):
    dictionary = random_dictionary(settings, method=method, architecture="sae")
    write_model_folder(KEY, tmp_path / "model", "apache-2.0", settings)
    assert_the_example_computes(dictionary, tmp_path / "model", ORBITS.acts[0][:, 0].float())
    header, _ = card_of(tmp_path / "model")
    assert header["library_name"] == "sae-lens"


def test_the_card_has_figures_data_and_licence(settings, tmp_path):
    random_dictionary(settings)
    write_model_folder(KEY, tmp_path / "model", "cc-by-4.0", settings)
    header, text = card_of(tmp_path / "model")
    metrics = store.read_metrics(KEY, settings)
    assert header["license"] == "cc-by-4.0"
    assert {"mechanistic-interpretability", "group-crosscoder"} < set(header["tags"])
    [model] = header["model-index"]
    [result] = model["results"]
    found = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert found.keys() == {"fvu", "l0", "cosine", "dead_fraction"}
    assert found["fvu"] == pytest.approx(metrics["fvu"], rel=1e-5)
    assert {result.metric_type for result in ModelCard.load(tmp_path / "model" / "README.md").data.eval_results} == {
        *found
    }
    assert f"| fvu | {metrics['fvu']:.6g} |" in text
    assert "Images: 2 of folder, 1 of dead-leaves." in text
    assert "e" * 64 in text
    assert "cc-by-4.0." in text
    config = json.loads((tmp_path / "model" / "config.json").read_bytes())
    assert config["dictionary"] == KEY
    assert config["metrics"]["fvu"] == metrics["fvu"]
    assert "my photographs" not in (tmp_path / "model" / "config.json").read_text() + text


def test_a_published_dictionary_has_the_figures_of_later_analyses(settings, published_template, tmp_path):
    shutil.copytree(published_template.data_dir, settings.data_dir, symlinks=True, dirs_exist_ok=True)
    write_dictionary(SAE, settings, architecture="sae")
    tables = sample_tables()
    staged = {name: tables[name].filter(dictionary_id=SAE) for name in ("training_steps", "features")}
    stage_tables(analysis_key(SAE), staged, settings)
    write_model_folder(SAE, tmp_path / "model", "other", settings)
    published = tables["dictionary_metrics"].filter(dictionary_id=SAE)
    header, text = card_of(tmp_path / "model")
    for metric, value in published.select("metric", "value").iter_rows():
        assert f"| {metric} | {value:.6g} |" in text
    assert header["license"] == "other"
    assert "No licence is stated" in text
    for picture in ("training", "density"):
        assert f"](figures/{picture}.png)" in text
        assert (tmp_path / "model" / "figures" / f"{picture}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("licence", ["", "MIT\nevil: true", "a b", "-x"])
def test_a_licence_is_an_identifier(licence, settings, tmp_path):
    write_dictionary(KEY, settings)
    with pytest.raises(UserError, match=r"is not an identifier: write one such as apache-2\.0, or other") as refused:
        write_model_folder(KEY, tmp_path / "model", licence, settings)
    assert len(str(refused.value).splitlines()) == 1
    assert not (tmp_path / "model").exists()
