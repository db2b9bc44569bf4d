"""Planted families are found, whatever way their members stand; too few features are refused."""

import numpy as np
import pytest
import torch

from tasks.errors import UserError
from tasks.families.config import FamiliesConfig
from tasks.families.distance import orbit_distances
from tasks.families.grouping import MAP_DIMENSIONS, embed, group_features
from tasks.symmetry.group import DihedralGroup

GROUP = DihedralGroup(8)
FAMILIES, MEMBERS = 6, 14


@pytest.fixture(scope="module")
def distance() -> np.ndarray:
    """Of random features and turned, mirrored, noisy copies of each, in a shuffled order given by `kinds`."""
    generator = torch.Generator().manual_seed(0)
    originals = torch.randn(FAMILIES, GROUP.order, 12, generator=generator)
    rng = np.random.default_rng(0)
    kinds = rng.permutation(np.repeat(np.arange(FAMILIES), MEMBERS))
    turned = torch.stack([originals[kind][torch.from_numpy(GROUP.cayley[:, rng.integers(16)])] for kind in kinds])
    noisy = turned + 0.3 * torch.randn(turned.shape, generator=generator)
    found, _ = orbit_distances(noisy, GROUP)
    found.flags.writeable = False
    return found, kinds


def test_turned_and_mirrored_copies_make_a_family(distance):
    from sklearn.metrics import adjusted_rand_score

    distances, kinds = distance
    family, strength = group_features(distances, FamiliesConfig())
    assert adjusted_rand_score(kinds, family) > 0.95
    assert set(family) - {-1} == set(range(family.max() + 1))
    sizes = np.bincount(family[family >= 0])
    assert (np.diff(sizes) <= 0).all()
    assert ((strength >= 0) & (strength <= 1)).all()
    assert not strength[family < 0].any()


def test_the_same_seed_gives_the_same_map_and_families(distance):
    distances, _ = distance
    config = FamiliesConfig(seed=3)
    first, again = (group_features(distances, config)[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    maps = [embed(distances, MAP_DIMENSIONS, config) for _ in range(2)]
    np.testing.assert_array_equal(*maps)
    assert maps[0].shape == (FAMILIES * MEMBERS, 2)
    assert np.isfinite(maps[0]).all()


def test_the_map_keeps_members_together(distance):
    distances, kinds = distance
    places = embed(distances, MAP_DIMENSIONS, FamiliesConfig())
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (kinds[apart.argmin(1)] == kinds).mean() > 0.95


@pytest.mark.parametrize("config", [FamiliesConfig(neighbours=84), FamiliesConfig(min_family_size=90)])
def test_fewer_features_than_neighbours_or_members_are_refused(distance, config):
    with pytest.raises(UserError, match=r"84 live features are too few for families\.neighbours = .*lower them"):
        group_features(distance[0], config)


@pytest.mark.parametrize("count", [3, 8, 12])
def test_a_handful_of_features_is_grouped_without_complaint(distance, count):
    distances, _ = distance
    config = FamiliesConfig(neighbours=2, min_family_size=2)
    family, _ = group_features(distances[:count, :count], config)
    assert family.shape == (count,)
    assert embed(distances[:count, :count], MAP_DIMENSIONS, config).shape == (count, 2)
