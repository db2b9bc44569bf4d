"""Average linkage in place gives SciPy's tree to the bit, and families that the dense way gives."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from tasks.families.config import FamiliesConfig
from tasks.families.grouping import group_features
from tasks.families.linkage import average_linkage, condensed


def distances(features: int, seed: int, levels: int | None) -> np.ndarray:
    """Random distances, float32 [m, m]; with `levels`, of so few values that many pairs tie."""
    rng = np.random.default_rng(seed)
    pairs = (
        rng.random(features * (features - 1) // 2)
        if levels is None
        else rng.integers(0, levels, features * (features - 1) // 2)
    )
    return squareform(pairs.astype(np.float32))


MATRICES = st.builds(distances, st.integers(2, 60), st.integers(0, 2**32 - 1), st.sampled_from([None, 2, 3, 10]))


@given(MATRICES)
def test_the_pairs_take_the_place_of_the_distances(distance_mm):
    expected, memory = squareform(distance_mm, checks=False), distance_mm.ctypes.data
    found = condensed(distance_mm)
    np.testing.assert_array_equal(found, expected)
    assert found.ctypes.data == memory


@given(MATRICES)
def test_the_tree_is_that_of_scipy_to_the_bit(distance_mm):
    expected = linkage(squareform(distance_mm, checks=False), "average")
    np.testing.assert_array_equal(average_linkage(condensed(distance_mm), len(distance_mm)), expected)


def plainly(distance_mm: np.ndarray, bound: float, least: int) -> np.ndarray:
    """Families by SciPy's linkage of all pairs, numbered by falling size."""
    labels = fcluster(linkage(squareform(distance_mm, checks=False), "average"), 1 - bound, "distance")
    names, sizes = np.unique(labels, return_counts=True)
    order = sorted(range(len(names)), key=lambda place: -sizes[place])
    number = {names[place]: rank for rank, place in enumerate(order) if sizes[place] >= least}
    return np.array([number.get(label, -1) for label in labels])


@given(MATRICES, st.floats(0.05, 0.95), st.integers(2, 4))
def test_families_are_those_of_the_dense_way(distance_mm, bound, least):
    config = FamiliesConfig(neighbours=2, min_family_size=least)
    if len(distance_mm) <= max(2, least):
        return
    expected = plainly(distance_mm, bound, least)
    np.testing.assert_array_equal(group_features(distance_mm, bound, config), expected)


def test_features_that_are_all_equal_are_one_family():
    found = group_features(np.zeros((50, 50), np.float32), 0.5, FamiliesConfig())
    assert not found.any()


def test_no_further_matrix_is_made():
    features = 800
    distance_mm = distances(features, 0, None)
    tracemalloc.start()
    try:
        group_features(distance_mm, 0.5, FamiliesConfig())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < distance_mm.nbytes / 4


def test_distances_that_can_not_be_overwritten_are_refused():
    with pytest.raises(ValueError, match="copy"):
        condensed(distances(9, 0, None)[:5, :5])
