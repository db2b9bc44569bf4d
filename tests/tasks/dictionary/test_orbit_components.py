"""Components of whole orbits, from irreducible representations, against scikit-learn's on rows written out."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from tasks.activations.shards import ShardInfo
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.orbit_components import (
    active_features,
    component_errors,
    has_components,
    measure_orbit_components,
)
from tasks.dictionary.orbit_prediction import whole_fvu
from tasks.dictionary.store import read_metrics
from tasks.errors import UserError
from tasks.staging import read_staged
from tasks.symmetry.group import DihedralGroup
from tasks.symmetry.scales import ScaleRange
from tests.tasks.dictionary.small_analysis import small_analysis

CHANNELS, ORBITS = 3, 24
GROUPS = [DihedralGroup(3), DihedralGroup(4), DihedralGroup(1), DihedralGroup(2), DihedralGroup(5, reflections=False)]
GROUPS += [DihedralGroup(4, reflections=False)]


def mixed_orbits(group) -> SimpleNamespace:
    """An activation set in memory, in two shards a split, whose blocks depend on each other and aren't centred."""
    random = torch.Generator().manual_seed(0)
    mix = torch.randn(group.order * CHANNELS, group.order * CHANNELS, generator=random)
    acts = [
        (torch.randn(ORBITS, len(mix), generator=random) @ mix + 3).unflatten(1, (group.order, CHANNELS))
        for _ in range(4)
    ]
    shards = tuple(ShardInfo(index, ("train", "test")[index % 2], ORBITS, 0, "") for index in range(4))
    return SimpleNamespace(group=group, channels=CHANNELS, shards=shards, read=lambda index: acts[index])


def all_rows(acts, split: str) -> np.ndarray:
    """[rows, |G| d]: every orbit of a split, from each of its elements on."""
    orbits = torch.cat([acts.read(shard.index) for shard in acts.shards if shard.split == split]).double().numpy()
    return np.concatenate([orbits[:, acts.group.reuse_permutation(g0)] for g0 in acts.group.elements]).reshape(
        -1, acts.group.order * CHANNELS
    )


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_errors_are_those_of_principal_components_of_all_rows(group):
    """To a ten-thousandth of the variance, for every number of components: also where equal eigenvalues are parted."""
    acts = mixed_orbits(group)
    train, test = all_rows(acts, "train"), all_rows(acts, "test")
    variance = test.reshape(len(test), group.order, CHANNELS).var(0).sum(1)
    coordinates = PCA().fit(train).transform(test)
    for count in range(1, group.order * CHANNELS + 1):
        error_g, variance_g = component_errors(acts, count)
        np.testing.assert_allclose(variance_g, variance, rtol=1e-5)
        left = (coordinates[:, count:] ** 2).sum(1).mean()
        assert error_g.sum().item() == pytest.approx(left, abs=1e-4 * variance.sum())
    assert error_g.sum() < 1e-4 * variance.sum()  # all components


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_analysis(tmp_path_factory.mktemp("small"))


def test_components_of_a_crosscoders_rows_are_staged_once(small, monkeypatch):
    key = measure_orbit_components(small.crosscoder, small.settings)
    table = read_staged(key, small.settings)["orbit_predictions"]
    assert table["element"].to_list() == list(range(small.acts.group.order))
    assert table.select("dictionary_id", "predictor", "steps").unique().rows() == [
        (small.crosscoder, "orbit-linear", 0)
    ]
    count = round(read_metrics(small.crosscoder, small.settings)["l0"])
    assert active_features(small.crosscoder, small.settings) == count > 1
    error_g, variance_g = component_errors(small.acts, count)
    assert whole_fvu(table) == pytest.approx((error_g.sum() / variance_g.sum()).item())
    assert 0 < whole_fvu(table) < whole_fvu_of(small.acts, 1) < 1
    monkeypatch.setattr("tasks.dictionary.orbit_components.component_errors", lambda *rest: pytest.fail("again"))
    assert measure_orbit_components(small.crosscoder, small.settings) == key


def whole_fvu_of(acts, count: int) -> float:
    error_g, variance_g = component_errors(acts, count)
    return (error_g.sum() / variance_g.sum()).item()


def test_what_no_group_acts_on_has_no_components(small):
    config = DictionaryConfig()
    assert has_components(config, small.acts)
    assert not has_components(config.model_copy(update={"orbit_reuse": False}), small.acts)
    assert not has_components(config, SimpleNamespace(group=ScaleRange(octaves=1, scales_per_octave=2)))
    assert not has_components(DictionaryConfig(architecture="sae"), small.acts)
    with pytest.raises(UserError, match="is no crosscoder of a group with orbit reuse"):
        measure_orbit_components(small.sae, small.settings)
