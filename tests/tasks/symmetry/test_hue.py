"""Hue: exact matrices, the group's laws before any clipping, and what stays as it is."""

import itertools

import numpy as np
import pytest
import torch

from tasks.errors import UserError
from tasks.symmetry.action import source_side, transform_patches
from tasks.symmetry.group import DihedralGroup

ORDERS = [1, 2, 3, 4, 6, 7, 12, 32]


def hue(n_rotations, reflections=True):
    return DihedralGroup(n_rotations, reflections, "hue")


def colours(count=40, side=1):
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(4), dtype=torch.float64)


@pytest.mark.parametrize("reflections", [True, False])
@pytest.mark.parametrize("n_rotations", ORDERS)
def test_the_matrices_multiply_as_the_group_does(n_rotations, reflections):
    group = hue(n_rotations, reflections)
    matrices = np.stack([group.colour_matrix(g) for g in group.elements])
    np.testing.assert_allclose(
        np.einsum("gij,hjk->ghik", matrices, matrices), matrices[group.cayley], atol=1e-14, rtol=0
    )
    np.testing.assert_array_equal(matrices[0], np.eye(3))
    assert len({tuple(np.round(matrix, 9).ravel() + 0.0) for matrix in matrices}) == group.order


@pytest.mark.parametrize("n_rotations", ORDERS)
def test_turning_n_times_is_the_identity_and_grey_stays(n_rotations):
    group = hue(n_rotations)
    power = np.linalg.matrix_power(group.colour_matrix(min(1, n_rotations - 1)), n_rotations)
    np.testing.assert_allclose(power, np.eye(3), atol=1e-13)
    for g in group.elements:
        matrix = group.colour_matrix(g)
        np.testing.assert_allclose(matrix @ np.ones(3), np.ones(3), atol=1e-15)
        np.testing.assert_allclose(np.ones(3) @ matrix, np.ones(3), atol=1e-15)  # R + G + B is kept
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-15)


def test_thirds_permute_the_channels_exactly():
    group, x = hue(6), colours(side=5)
    turned = transform_patches(x, group.elements, group, 5)
    channels = {0: [0, 1, 2], 2: [2, 0, 1], 4: [1, 2, 0], 6: [0, 2, 1], 8: [1, 0, 2], 10: [2, 1, 0]}
    for g, order in channels.items():
        assert torch.equal(turned[:, g], x[:, order])
    red = transform_patches(torch.tensor([1.0, 0, 0]).reshape(1, 3, 1, 1), [1, 2, 4], group, 1)[0, :, :, 0, 0]
    np.testing.assert_allclose(red, [[2 / 3, 2 / 3, -1 / 3], [0, 1, 0], [0, 0, 1]], atol=1e-6)


def test_the_hue_angle_moves_by_the_elements_angle():
    """The angle in the plane across the grey axis, with red at 0° and green at 120°, is measured on its own."""
    group, x = hue(16, reflections=False), colours()
    across = np.array([[1, -0.5, -0.5], [0, np.sqrt(3) / 2, -np.sqrt(3) / 2]])

    def angle(colours_bc):
        return np.degrees(np.arctan2(*(across @ colours_bc.T)[::-1]))

    turned = transform_patches(x, group.elements, group, 1)[..., 0, 0].numpy()
    before = angle(x[..., 0, 0].numpy())
    for g in group.elements:
        moved = (angle(turned[:, g]) - before - group.rotation_degrees(g)) % 360
        np.testing.assert_allclose(np.minimum(moved, 360 - moved), 0, atol=1e-9)


def test_acting_twice_is_acting_once_by_the_product_and_nothing_is_clipped():
    group, x = hue(8), colours(side=3)
    for g, h in itertools.product(group.elements, repeat=2):
        twice = transform_patches(transform_patches(x, [h], group, 3)[:, 0], [g], group, 3)
        torch.testing.assert_close(twice, transform_patches(x, [group.compose(g, h)], group, 3), atol=1e-12, rtol=0)
    turned = transform_patches(x, group.elements, group, 3)
    assert turned.min() < -0.1
    assert turned.max() > 1.1
    assert turned.min() >= -1 / 3
    assert turned.max() <= 4 / 3


def test_orbit_reuse_equals_the_orbit_of_an_image_really_recoloured():
    group, x = hue(5), colours(side=3)
    orbit = transform_patches(x, group.elements, group, 3)
    for g0 in group.elements:
        really = transform_patches(transform_patches(x, [g0], group, 3)[:, 0], group.elements, group, 3)
        torch.testing.assert_close(really, orbit[:, group.reuse_permutation(g0)], atol=1e-12, rtol=0)


def test_no_pixel_around_the_patch_is_needed():
    assert source_side(17, hue(12)) == 17
    x = colours(2, side=9)
    assert torch.equal(transform_patches(x, [0], hue(12), 5)[:, 0], x[..., 2:-2, 2:-2])
    with pytest.raises(ValueError, match="needs a side of 11 pixels"):
        transform_patches(x, [0], hue(12), 11)


def test_a_subgroup_acts_as_its_elements_do():
    group = hue(12)
    part, elements = group.subgroup(4)
    assert (group.name, part.name) == ("hue D_12", "hue D_4")
    for g, element in zip(part.elements, elements, strict=True):
        np.testing.assert_allclose(part.colour_matrix(g), group.colour_matrix(element), atol=1e-15)
    with pytest.raises(UserError, match="does not divide the 12 rotations of hue D_12"):
        group.subgroup(5)


def test_hue_and_rotations_are_different_groups():
    assert hue(4) != DihedralGroup(4)
    assert len({hue(4), DihedralGroup(4)}) == 2
