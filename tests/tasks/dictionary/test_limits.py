"""Trainings that could not come to an end are refused before they start; the smallest that can do."""

from types import SimpleNamespace

import pytest
import torch

from tasks.activations.shards import ActivationSet
from tasks.config import MOST
from tasks.dictionary import store
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.methods import OF_ONE_ATOM
from tasks.dictionary.train import train
from tasks.errors import UserError
from tests.tasks.dictionary.conftest import PlantedOrbits

SMALL = {"features": 8, "k": 2, "steps": 4, "batch_size": 8, "log_every": 1}


@pytest.mark.parametrize("method", OF_ONE_ATOM)
@pytest.mark.parametrize("shape", [{"architecture": "sae", "orbit_reuse": False}, {}, {"harmonics": 0}])
def test_one_row_a_step_trains_and_has_no_variance_to_explain(planted_set, settings, method, shape):
    key = train("planted", DictionaryConfig(**SMALL | {"batch_size": 1}, method=method, **shape), settings)
    history = store.read_table(key, "history", settings)
    assert history["value"].is_finite().all()
    assert set(history["metric"]) == {"loss", "sparsity_loss", "auxiliary_loss", "l0", "dead_fraction"}
    several = train("planted", DictionaryConfig(**SMALL, method=method, **shape), settings)
    assert store.read_table(several, "history", settings).filter(metric="fvu").height == SMALL["steps"]


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("value", [0.0, 1.5])
@pytest.mark.parametrize("orbit_reuse", [True, False])
def test_a_layer_that_never_changes_is_refused(monkeypatch, settings, split, value, orbit_reuse):
    planted = PlantedOrbits()
    for shard in planted.shards:
        if shard.split == split:
            planted.acts[shard.index] = torch.full_like(planted.acts[shard.index], value)
    monkeypatch.setattr(ActivationSet, "open", lambda key, settings: planted)
    with pytest.raises(UserError, match=f"all rows of the {split} split of planted planted are equal") as refused:
        train("planted", DictionaryConfig(**SMALL, orbit_reuse=orbit_reuse), settings)
    assert "\n" not in str(refused.value)
    assert not settings.dictionaries_dir.exists()


def test_a_change_in_the_last_row_will_do(monkeypatch, settings):
    planted = PlantedOrbits()
    for acts_rgc in planted.acts:
        acts_rgc[:] = 1.0
        acts_rgc[-1, 0, 0] = 2.0
    monkeypatch.setattr(ActivationSet, "open", lambda key, settings: planted)
    train("planted", DictionaryConfig(**SMALL), settings)


@pytest.mark.parametrize("field", ["features", "batch_size"])
@pytest.mark.parametrize("shape", [{"architecture": "sae"}, {}, {"encode_from": "orbit"}])
def test_what_no_memory_holds_is_refused(planted_set, settings, field, shape):
    with pytest.raises(UserError, match=r"training needs [\d,.]+ GiB of memory and [\d,.]+ are free: lower") as refused:
        train("planted", DictionaryConfig(**SMALL | {field: MOST}, **shape), settings)
    assert "\n" not in str(refused.value)
    assert not settings.dictionaries_dir.exists()


def test_the_largest_seed_trains(planted_set, settings):
    train("planted", DictionaryConfig(**SMALL, seed=MOST), settings)


def test_mixed_shards_that_no_memory_holds_are_refused(planted_set, settings, monkeypatch):
    orbits = sum(shard.orbits for shard in planted_set.shards if shard.split == "train")
    needed = 2 * 2 * orbits * planted_set.group.order * planted_set.channels
    config = DictionaryConfig(**SMALL, mixed_shards=MOST)
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=needed - 1))
    with pytest.raises(UserError, match=rf"^mixed_shards = {MOST} needs 0.0 GiB .* 0.0 are free: lower it$"):
        train("planted", config, settings)
    assert not settings.dictionaries_dir.exists()
