"""The orbit-aware distance by FFT equals the loop over the group, and carries what it says it carries."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.families import distance
from tasks.families.distance import OrbitSpectra, orbit_carriers, orbit_distances
from tasks.symmetry.group import DihedralGroup

GROUPS = st.builds(DihedralGroup, st.integers(1, 9), st.booleans())


def looped(blocks_mgd: torch.Tensor, group: DihedralGroup) -> np.ndarray:
    """[|G|, m, m]: cos(⊕_g d_i^{gh}, ⊕_g d_j^g), as it is written."""
    unit = blocks_mgd.double() / blocks_mgd.double().flatten(1).norm(dim=1)[:, None, None]
    return np.stack(
        [(unit[:, torch.from_numpy(group.cayley[:, h])].flatten(1) @ unit.flatten(1).T).numpy() for h in group.elements]
    )


def random_blocks(group: DihedralGroup, count: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, group.order, 5, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=25, deadline=None)
@given(GROUPS, st.integers(0, 100))
def test_similarities_are_those_of_the_loop(group, seed):
    blocks = random_blocks(group, 7, seed)
    expected = looped(blocks, group)
    rows, columns = slice(1, 5), torch.tensor([6, 0])
    found = OrbitSpectra(blocks, group).similarity(rows, columns).numpy()
    np.testing.assert_allclose(found, expected[:, rows][:, :, columns.numpy()], atol=1e-5)


@pytest.mark.parametrize("group", [DihedralGroup(8), DihedralGroup(7), DihedralGroup(6, False), DihedralGroup(1)])
def test_distances_are_symmetric_and_tiles_leave_no_seam(group, monkeypatch):
    blocks = random_blocks(group, 23)
    expected = looped(blocks, group)
    monkeypatch.setattr(distance, "TILE", 5)
    told = []
    monkeypatch.setattr(distance, "ROW_TILES", 2)
    found = orbit_distances(blocks, group, lambda *done: told.append(done))
    assert told == [(done, 15) for done in range(1, 16)]
    carried, element = orbit_carriers(blocks, group)
    np.testing.assert_array_equal(carried, found)
    off = ~np.eye(23, dtype=bool)
    np.testing.assert_allclose(found[off], (1 - expected.max(0))[off], atol=1e-5)
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_array_equal(element, group.inverses[element.T])
    assert not found.diagonal().any()
    assert not element.diagonal().any()
    reached = np.take_along_axis(expected, element[None].astype(int), 0)[0]
    np.testing.assert_allclose(reached, expected.max(0), atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(GROUPS, st.data())
def test_a_copy_is_at_distance_0_and_its_element_is_found(group, data):
    h = data.draw(st.integers(0, group.order - 1))
    original = random_blocks(group, 1)
    copy = original[:, torch.from_numpy(group.cayley[:, h])] * 3  # d_j^g = d_i^{gh}, of another norm
    found, element = orbit_carriers(torch.cat([original, copy]), group)
    assert found[0, 1] < 1e-5
    assert (element[0, 1], element[1, 0]) == (h, group.inverses[h])


def test_a_feature_without_blocks_resembles_none():
    group = DihedralGroup(4)
    blocks = torch.cat([random_blocks(group, 2), torch.zeros(1, 8, 5)])
    found = orbit_distances(blocks, group)
    np.testing.assert_allclose(found[2], [1, 1, 0])
