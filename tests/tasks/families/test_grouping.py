"""Planted families are found, whatever way their members stand; too few features are refused."""

import numpy as np
import pytest
import torch

from tasks.errors import UserError
from tasks.families import grouping
from tasks.families.config import FamiliesConfig
from tasks.families.distance import orbit_distances
from tasks.families.grouping import (
    CHANCE,
    MAP_DIMENSIONS,
    embed,
    group_features,
    least_similarity,
    nearest,
    shuffled,
)
from tasks.symmetry.group import DihedralGroup

GROUP = DihedralGroup(8)
FAMILIES, MEMBERS = 6, 14


@pytest.fixture(scope="module")
def planted() -> tuple[torch.Tensor, np.ndarray]:
    """Random features and turned, mirrored, noisy copies of each, in a shuffled order given by `kinds`."""
    generator = torch.Generator().manual_seed(0)
    originals = torch.randn(FAMILIES, GROUP.order, 12, generator=generator)
    rng = np.random.default_rng(0)
    kinds = rng.permutation(np.repeat(np.arange(FAMILIES), MEMBERS))
    turned = torch.stack([originals[kind][torch.from_numpy(GROUP.cayley[:, rng.integers(16)])] for kind in kinds])
    noisy = turned + 0.3 * torch.randn(turned.shape, generator=generator)
    return noisy, kinds


@pytest.fixture(scope="module")
def distance(planted) -> tuple[np.ndarray, np.ndarray]:
    blocks_mgd, kinds = planted
    found = orbit_distances(blocks_mgd, GROUP)
    found.flags.writeable = False
    return found, kinds


def test_turned_and_mirrored_copies_make_a_family(planted, distance):
    from sklearn.metrics import adjusted_rand_score

    distances, kinds = distance
    bound = least_similarity(planted[0], GROUP, 0)
    family = group_features(distances.copy(), bound, FamiliesConfig())
    assert adjusted_rand_score(kinds, family) > 0.95
    assert set(family) - {-1} == set(range(family.max() + 1))
    sizes = np.bincount(family[family >= 0])
    assert (np.diff(sizes) <= 0).all()


def test_families_are_those_of_scikit_learn(distance):
    from sklearn.cluster import AgglomerativeClustering
    from sklearn.metrics import adjusted_rand_score

    distances, _ = distance
    for bound in (0.2, 0.5, 0.8, 0.9):
        clustering = AgglomerativeClustering(
            None, metric="precomputed", linkage="average", distance_threshold=1 - bound
        ).fit(distances)
        family = group_features(distances.copy(), bound, FamiliesConfig(min_family_size=2))
        sizes = np.bincount(clustering.labels_)
        np.testing.assert_array_equal(family >= 0, sizes[clustering.labels_] >= 2)
        inside = family >= 0
        assert adjusted_rand_score(family[inside], clustering.labels_[inside]) == 1


def test_shuffled_features_make_no_family(planted):
    """Few of their pairs are as similar as the bound, and three features need three such pairs."""
    blocks_mgd, _ = planted
    bound = least_similarity(blocks_mgd, GROUP, 0)
    distances = orbit_distances(shuffled(blocks_mgd, 1), GROUP)
    similar = (1 - distances)[np.triu_indices(len(distances), 1)] >= bound
    assert similar.mean() < 10 * CHANCE
    family = group_features(distances, bound, FamiliesConfig())
    assert (family < 0).mean() > 0.9


@pytest.mark.parametrize("blocks", [1, 6])
def test_shuffling_keeps_the_blocks_or_the_channels_of_a_single_one(blocks):
    blocks_mgd = torch.randn(5, blocks, 7, generator=torch.Generator().manual_seed(0))
    found_mgd = shuffled(blocks_mgd, 3)
    assert not torch.equal(found_mgd, blocks_mgd)
    if blocks == 1:
        torch.testing.assert_close(found_mgd.sort(2).values, blocks_mgd.sort(2).values)
    else:
        for feature, found in zip(blocks_mgd, found_mgd, strict=True):
            assert sorted(map(tuple, feature.tolist())) == sorted(map(tuple, found.tolist()))


def test_the_same_seed_gives_the_same_map(distance):
    distances, _ = distance
    config = FamiliesConfig(seed=3)
    maps = [embed(*nearest(distances, 10), MAP_DIMENSIONS, config) for _ in range(2)]
    np.testing.assert_array_equal(*maps)
    assert maps[0].shape == (FAMILIES * MEMBERS, 2)
    assert np.isfinite(maps[0]).all()


def test_what_numba_compiled_for_the_map_is_kept_for_other_processes(distance):
    embed(*nearest(distance[0], 10), MAP_DIMENSIONS, FamiliesConfig())
    from umap.umap_ import smooth_knn_dist

    used = smooth_knn_dist.stats
    assert used.cache_hits or used.cache_misses


def test_the_map_keeps_members_together(distance):
    distances, kinds = distance
    places = embed(*nearest(distances, 10), MAP_DIMENSIONS, FamiliesConfig())
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (kinds[apart.argmin(1)] == kinds).mean() > 0.95


@pytest.mark.parametrize("config", [FamiliesConfig(neighbours=84), FamiliesConfig(min_family_size=90)])
def test_fewer_features_than_neighbours_or_members_are_refused(distance, config):
    with pytest.raises(UserError, match=r"84 live features are too few for families\.neighbours = .*lower them"):
        group_features(distance[0], 0.5, config)


@pytest.mark.parametrize("count", [3, 8, 12])
def test_a_handful_of_features_is_grouped_without_complaint(distance, count):
    distances, _ = distance
    config = FamiliesConfig(neighbours=2, min_family_size=2)
    family = group_features(distances[:count, :count].copy(), 0.5, config)
    assert family.shape == (count,)
    assert embed(*nearest(distances[:count, :count], 2), MAP_DIMENSIONS, config).shape == (count, 2)


def test_the_nearest_features_are_those_of_sorted_rows(distance, monkeypatch):
    monkeypatch.setattr(grouping, "TILE", 10)
    distances, _ = distance
    found, apart = nearest(distances, 7)
    np.testing.assert_array_equal(found, np.argsort(distances, axis=1, kind="stable")[:, :7])
    np.testing.assert_array_equal(apart, np.sort(distances, axis=1)[:, :7])


def test_the_map_of_the_nearest_features_is_that_of_all_distances(distance):
    """Where the graph of neighbours is in one part, as with these random features: one family of noisy copies."""
    from umap import UMAP

    distances, kinds = distance
    one = np.ascontiguousarray(distances[np.ix_(kinds < 3, kinds < 3)])
    config = FamiliesConfig(neighbours=20)
    whole = UMAP(
        n_neighbors=20, n_components=2, min_dist=0.0, metric="precomputed", random_state=0, init="spectral"
    ).fit_transform(one)
    np.testing.assert_allclose(embed(*nearest(one, 20), 2, config), whole, atol=1e-4)
