"""Dictionaries on activation sets under hue and scale: what is trained, stored and refused."""

import numpy as np
import pytest
import torch

from tasks.activations.extract import extract
from tasks.activations.shards import ActivationSet
from tasks.dictionary import store
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.rows import batches, every_row
from tasks.dictionary.train import train
from tasks.errors import UserError
from tests.tasks.activations.test_transformations import HUE, SCALE, SMALL

TINY = DictionaryConfig(features=12, k=2, steps=8, batch_size=8, orbit_reuse=False)


def test_scales_train_a_dictionary_with_a_block_a_scale(settings):
    activation_set = extract(SCALE, settings)
    key = train(activation_set, TINY, settings)
    dictionary, acts = store.load_dictionary(key, settings), ActivationSet.open(activation_set, settings)
    assert dictionary.group == acts.group == SCALE.group
    assert dictionary.blocks().shape == (12, 5, acts.channels)
    description = store.describe(key, settings)
    assert (description["transformations"], description["octaves"], description["scales_per_octave"]) == ("scale", 1, 2)
    assert "n_rotations" not in description
    rows_rgc = acts.read(0).float()
    [(stand_in, x_gbd)] = every_row(acts, TINY, acts.shards[0], 5)
    assert stand_in == 0
    assert torch.equal(x_gbd, rows_rgc.transpose(0, 1))
    assert next(batches(acts, TINY)).shape == (5, 8, acts.channels)


def test_what_scales_cannot_do_is_refused_before_training(settings):
    activation_set = extract(SCALE, settings)
    with pytest.raises(UserError, match=r"scales are no group.*set orbit_reuse = false"):
        train(activation_set, TINY.model_copy(update={"orbit_reuse": True}), settings)
    with pytest.raises(UserError, match="harmonics = 1 is for rotations"):
        train(activation_set, TINY.model_copy(update={"harmonics": 1}), settings)
    assert store.trained(settings) == ()


def test_hue_trains_with_orbit_reuse_and_harmonics(settings):
    activation_set = extract(HUE, settings)
    key = train(activation_set, TINY.model_copy(update={"orbit_reuse": True, "harmonics": 1}), settings)
    dictionary = store.load_dictionary(key, settings)
    assert dictionary.group == HUE.group
    assert store.describe(key, settings)["transformations"] == "hue"
    spectrum = np.fft.rfft(dictionary.blocks().numpy(), axis=1)
    assert np.abs(spectrum[:, 2]).max() < 1e-4 * np.abs(spectrum).max()


def test_a_dictionary_of_rotations_is_described_as_before(settings):
    key = train(extract(SMALL, settings), TINY, settings)
    assert set(store.describe(key, settings)) == {
        "config", "activation_set", "network", "layer", "channels", "group_order", "n_rotations", "reflections",
        "version",
    }  # fmt: skip
