"""An imported dictionary is evaluated and stored like one of ours, and a wrong scaling is refused."""

import json

import pytest
import torch
from polars.testing import assert_frame_equal

from tasks.activations.shards import ActivationSet
from tasks.dictionary import store
from tasks.dictionary.config import DictionaryConfig, ImportedConfig
from tasks.dictionary.exchange.exporting import export_dictionary, write_files
from tasks.dictionary.exchange.importing import import_dictionary
from tasks.dictionary.exchange.libraries import LIBRARIES, SCALINGS
from tasks.dictionary.exchange.plain import plain
from tasks.dictionary.exchange.scaling import moments, on_unscaled
from tasks.dictionary.metrics import evaluate
from tasks.dictionary.train import train
from tasks.errors import UserError
from tests.tasks.dictionary.conftest import PlantedOrbits
from tests.tasks.dictionary.exchange.conftest import assert_equal, random_sae

CONFIG = DictionaryConfig(architecture="sae", features=24, k=4, steps=60, batch_size=32, orbit_reuse=False)


@pytest.fixture
def trained(planted_set, settings):
    return train("planted", CONFIG, settings)


@pytest.mark.parametrize("library", LIBRARIES)
def test_exported_and_imported_it_has_the_same_evaluation(library, trained, planted_set, settings, tmp_path):
    export_dictionary(trained, library, tmp_path / "out", settings)
    key = import_dictionary("planted", tmp_path / "out", library, None, settings)
    assert key != trained
    original, imported = (store.read_metrics(each, settings) for each in (trained, key))
    assert imported == pytest.approx(original | {"train_seconds": 0.0}, rel=1e-4)
    for name in ("block_fvu", "test_firing"):
        found, expected = (store.read_table(each, name, settings) for each in (key, trained))
        assert_frame_equal(found, expected, rel_tol=1e-4)
    assert store.read_table(key, "history", settings).is_empty()
    dictionary = store.load_dictionary(key, settings)
    x_bd = planted_set.acts[3][:, 0].float()
    assert_equal(dictionary.encode(x_bd), store.load_dictionary(trained, settings).encode(x_bd))
    assert float((x_bd * dictionary.scale).norm(dim=1).mean()) == pytest.approx(planted_set.channels**0.5, rel=0.1)


def test_what_is_stored_says_where_it_came_from(trained, settings, tmp_path):
    export_dictionary(trained, "dictionary-learning", tmp_path / "out", settings)
    key = import_dictionary("planted", tmp_path / "out", "dictionary-learning", None, settings)
    description = store.describe(key, settings)
    config = store.dictionary_config(key, settings)
    assert isinstance(config, ImportedConfig)
    assert (config.library, config.scaling, config.steps, config.k) == ("dictionary-learning", "none", 0, 4)
    assert "learning_rate" not in description["config"]
    assert description["fvu_by_scaling"].keys() == SCALINGS.keys()
    assert description["fvu_by_scaling"]["none"] == store.read_metrics(key, settings)["fvu"]
    assert store.trained(settings) == tuple(sorted([key, trained]))
    before = (store.folder_of(key, settings) / "metrics.json").stat().st_mtime_ns
    assert import_dictionary("planted", tmp_path / "out", "dictionary-learning", "none", settings) == key
    assert (store.folder_of(key, settings) / "metrics.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("scaling", [name for name in SCALINGS if name != "none"])
def test_a_scaling_is_the_inverse_of_what_was_done_to_the_rows(scaling, planted_set):
    """The features of scaled rows, by the formulas of the four scalings."""
    of, sae = moments(planted_set), plain(random_sae("relu"))
    x_bd = torch.cat([planted_set.acts[shard][:, 0] for shard in range(3)]).double()
    scaled_bd = {
        "mean-norm": x_bd * x_bd.shape[1] ** 0.5 / x_bd.norm(dim=1).mean(),
        "mean-square": x_bd / x_bd.square().sum(1).mean().sqrt(),
        "standardised": (x_bd - x_bd.mean(0)) / x_bd.std(0, correction=0),
    }[scaling]

    def features(sae, rows_bd):
        centred_bd = rows_bd - sae.decoder_bias_d.double()
        return (centred_bd @ sae.encoder_md.double().T + sae.encoder_bias_m.double()).relu()

    unscaled = on_unscaled(sae, scaling, of)
    assert_equal(features(unscaled, x_bd), features(sae, scaled_bd))
    decoded_bd = features(sae, scaled_bd) @ sae.decoder_md.double() + sae.decoder_bias_d.double()
    undone_bd = decoded_bd * (x_bd.std(0, correction=0) if scaling == "standardised" else x_bd[0, 0] / scaled_bd[0, 0])
    undone_bd = undone_bd + (x_bd.mean(0) if scaling == "standardised" else 0)
    found_bd = features(unscaled, x_bd) @ unscaled.decoder_md.double() + unscaled.decoder_bias_d.double()
    assert_equal(found_bd, undone_bd)


def write_scaled(trained, scaling_factor, folder, settings):
    """sae-lens's files of a dictionary for activations that were multiplied by a factor."""
    sae = plain(store.load_dictionary(trained, settings)).on_unscaled(1 / scaling_factor)
    folder.mkdir()
    about = {"network": "planted", "layer": "planted", "dictionary": trained}
    write_files(LIBRARIES["sae-lens"].load().written(sae, about), folder)


def test_a_wrong_scaling_is_refused_and_the_right_one_named(settings, monkeypatch, tmp_path):
    small = PlantedOrbits()
    small.acts = [acts_rgc / 10 for acts_rgc in small.acts]
    monkeypatch.setattr(ActivationSet, "open", lambda key, settings: small)
    trained, of = train("planted", CONFIG, settings), moments(small)

    write_scaled(trained, 100 * of.mean_square**-0.5, tmp_path / "odd", settings)
    with pytest.raises(UserError) as refused:
        import_dictionary("planted", tmp_path / "odd", "sae-lens", None, settings)
    assert "no scaling helps, so it was hardly trained on this layer of this network" in str(refused.value)

    write_scaled(trained, small.channels**0.5 / of.mean_norm, tmp_path / "scaled", settings)
    with pytest.raises(UserError) as refused:
        import_dictionary("planted", tmp_path / "scaled", "sae-lens", None, settings)
    [line] = str(refused.value).splitlines()
    assert line.startswith(f"the dictionary in {tmp_path / 'scaled'} leaves ")
    assert " times the variance of planted planted unexplained with scaling none (FVU by scaling: none " in line
    assert line.endswith(": set scaling to mean-norm")
    assert store.trained(settings) == (trained,)
    key = import_dictionary("planted", tmp_path / "scaled", "sae-lens", "mean-norm", settings)
    fvu, expected = (store.read_metrics(each, settings)["fvu"] for each in (key, trained))
    assert fvu == pytest.approx(expected, rel=1e-4)


def test_what_the_files_ask_for_is_done_unless_told_otherwise(trained, planted_set, settings, tmp_path):
    write_scaled(trained, planted_set.channels**0.5 / moments(planted_set).mean_norm, tmp_path / "scaled", settings)
    config = tmp_path / "scaled" / "cfg.json"
    settings_of = json.loads(config.read_bytes()) | {"normalize_activations": "expected_average_only_in"}
    config.write_text(json.dumps(settings_of))
    key = import_dictionary("planted", tmp_path / "scaled", "sae-lens", None, settings)
    assert store.dictionary_config(key, settings).scaling == "mean-norm"
    expected = evaluate(store.load_dictionary(trained, settings), planted_set)
    assert store.read_metrics(key, settings)["fvu"] == pytest.approx(expected.fvu, rel=1e-4)
