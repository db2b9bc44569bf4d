import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from tasks.symmetry.action import source_side, transform_patches
from tasks.symmetry.group import DihedralGroup


def smooth_patches(count, side):
    """Sums of a few slow plane waves: bilinear interpolation is nearly exact on them."""
    generator = torch.Generator().manual_seed(7)
    y, x = torch.meshgrid(torch.arange(side) - (side - 1) / 2, torch.arange(side) - (side - 1) / 2, indexing="ij")
    waves = 0.12 * torch.randn(count, 3, 4, 3, generator=generator)
    phase = waves[..., 0, None, None] * y + waves[..., 1, None, None] * x + 20 * waves[..., 2, None, None]
    return 0.5 + 0.1 * torch.sin(phase).sum(2)


def transformed_by_hand(patch_cyx, matrix, out_size):
    """(g·x)(p) = x(g⁻¹ p), a pixel at a time."""
    side = patch_cyx.shape[-1]
    out = torch.zeros(patch_cyx.shape[0], out_size, out_size)
    for row in range(out_size):
        for column in range(out_size):
            p = np.array([column - (out_size - 1) / 2, (out_size - 1) / 2 - row])
            qx, qy = np.linalg.inv(matrix) @ p
            y, x = (side - 1) / 2 - qy, qx + (side - 1) / 2
            top, left = math.floor(y + 1e-9), math.floor(x + 1e-9)
            for dy, wy in ((0, 1 - (y - top)), (1, y - top)):
                for dx, wx in ((0, 1 - (x - left)), (1, x - left)):
                    if abs(wy * wx) > 1e-9:
                        out[:, row, column] += wy * wx * patch_cyx[:, top + dy, left + dx]
    return out


@given(st.integers(1, 400))
def test_source_side_is_the_smallest_that_holds_the_turned_square(side):
    source = source_side(side)
    assert source >= math.sqrt(2) * side > source - 2
    assert source % 2 == side % 2


def test_source_side_of_mixed3b():
    assert source_side(91) == 129


@pytest.mark.parametrize(("n_rotations", "out_size"), [(3, 7), (5, 6), (8, 5)])
def test_equals_the_plain_reference(n_rotations, out_size):
    group = DihedralGroup(n_rotations)
    patches = torch.rand(2, 2, source_side(out_size), source_side(out_size), generator=torch.Generator().manual_seed(1))
    turned = transform_patches(patches, group.elements, group, out_size)
    for b in range(2):
        for g in group.elements:
            expected = transformed_by_hand(patches[b], group.matrix(g), out_size)
            torch.testing.assert_close(turned[b, g], expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("side", [16, 17])
def test_quarter_turns_and_mirrors_are_permutations_of_pixels_that_compose_exactly(side):
    group = DihedralGroup(4)
    patches = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(2))
    size = side - 6
    for g in group.elements:
        for h in group.elements:
            h_x = transform_patches(patches, [h], group, size)[:, 0]
            h_x = F.pad(h_x, (3, 3, 3, 3), value=torch.nan)
            g_h_x = transform_patches(h_x, [g], group, size)
            assert torch.equal(g_h_x, transform_patches(patches, [group.compose(g, h)], group, size))
    assert torch.equal(
        transform_patches(patches, [1], group, size)[:, 0],
        torch.rot90(patches[..., 3:-3, 3:-3], 1, (-2, -1)),
    )


@pytest.mark.parametrize("n_rotations", [3, 5, 8, 32])
def test_acting_twice_is_acting_once_by_the_product(n_rotations):
    group = DihedralGroup(n_rotations)
    inner = source_side(21)
    patches = smooth_patches(2, source_side(inner))
    rng = np.random.default_rng(0)
    for g, h in rng.integers(0, group.order, size=(20, 2)):
        step_by_step = transform_patches(transform_patches(patches, [h], group, inner)[:, 0], [g], group, 21)
        at_once = transform_patches(patches, [group.compose(g, h)], group, 21)
        torch.testing.assert_close(step_by_step, at_once, atol=5e-3, rtol=0)


def test_that_check_tells_neighbouring_elements_apart():
    group = DihedralGroup(32)
    turned = transform_patches(smooth_patches(2, source_side(21)), group.elements, group, 21)[0]
    assert (turned[1:] - turned[:-1]).abs().amax(dim=(1, 2, 3)).min() > 0.02


@pytest.mark.parametrize("size", [1, 2, 7, 8, 31])
def test_no_pixel_outside_the_inscribed_disc_or_the_patch_is_seen(size):
    group = DihedralGroup(32)
    side = source_side(size)
    # Zero fill would show against ones; a corner beyond the disc (plus a pixel for bilinear) would show as NaN.
    y, x = torch.meshgrid(torch.arange(side) - (side - 1) / 2, torch.arange(side) - (side - 1) / 2, indexing="ij")
    patch = torch.where(torch.hypot(y, x) > size / math.sqrt(2) + math.sqrt(2), torch.nan, 1.0)
    turned = transform_patches(patch.expand(1, 1, -1, -1), group.elements, group, size)
    torch.testing.assert_close(turned, torch.ones_like(turned), atol=1e-5, rtol=0)


@pytest.mark.parametrize("n_rotations", [4, 7, 16])
def test_orbit_reuse_equals_the_orbit_of_an_image_really_transformed(n_rotations):
    group = DihedralGroup(n_rotations)
    inner = source_side(21)
    patches = smooth_patches(3, source_side(inner))
    filters = torch.randn(5, 3, 21, 21, generator=torch.Generator().manual_seed(3)) / 21
    window = torch.hann_window(21, periodic=False)
    filters *= window[:, None] * window

    def orbit(x):
        images = transform_patches(x, group.elements, group, 21)
        return torch.relu(torch.einsum("bgcyx,kcyx->bgk", images - 0.5, filters))

    acts = orbit(patches)
    for g0 in (1, n_rotations - 1, n_rotations, 2 * n_rotations - 1):
        really = orbit(transform_patches(patches, [g0], group, inner)[:, 0])
        torch.testing.assert_close(really, acts[:, group.reuse_permutation(g0)], atol=5e-3, rtol=0)
        assert (really - acts).abs().max() > 0.02


@pytest.mark.parametrize("shape", [(1, 1, 9, 11), (1, 1, 9, 9), (1, 1, 12, 12)])
def test_a_patch_of_the_wrong_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"needs a side of 13 pixels"):
        transform_patches(torch.zeros(shape), [0], DihedralGroup(4), 9)
