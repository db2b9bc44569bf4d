"""Scale: against another library's resampling, against analytic images, and where the range ends."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tasks.errors import UserError
from tasks.symmetry.action import source_side, transform_patches
from tasks.symmetry.fourier import fourier_basis
from tasks.symmetry.scales import ScaleRange
from tasks.symmetry.transformations import from_stored, stored

RANGES = [ScaleRange(1, 4), ScaleRange(0.5, 2), ScaleRange(2, 1), ScaleRange(2, 3)]


def coordinates(side):
    return np.meshgrid(np.arange(side) - (side - 1) / 2, np.arange(side) - (side - 1) / 2, indexing="ij")


def picture(values):
    return torch.from_numpy(np.asarray(values, np.float64))[None, None]


@pytest.mark.parametrize("scales", RANGES, ids=str)
def test_elements_run_from_the_smallest_scale_to_the_largest(scales):
    octaves = scales.octaves_of(scales.ascending)
    np.testing.assert_allclose(octaves, np.linspace(-scales.octaves, scales.octaves, scales.order))
    assert scales.octaves_of(0) == 0
    assert scales.scale(0) == 1
    assert scales.scale(scales.ascending[0]) == scales.smallest
    assert sorted(scales.ascending) == scales.elements.tolist()


@pytest.mark.parametrize("scales", RANGES, ids=str)
def test_products_multiply_the_scales_and_end_at_the_ends(scales):
    for g in scales.elements:
        for h in scales.elements:
            product = scales.scale(g) * scales.scale(h)
            if scales.cayley[g, h] >= 0:
                assert scales.scale(scales.cayley[g, h]) == pytest.approx(product)
            else:
                assert not scales.smallest <= product <= 1 / scales.smallest


def test_what_needs_a_group_is_refused():
    scales = ScaleRange(1, 2)
    np.testing.assert_array_equal(scales.reuse_permutation(0), scales.elements)
    with pytest.raises(UserError, match=r"scales are no group.*orbit_reuse = false"):
        scales.reuse_permutation(1)
    with pytest.raises(UserError, match=r"harmonics = 2 is for rotations.*leave it out with scale"):
        fourier_basis(scales, 2)


@pytest.mark.parametrize(("octaves", "steps"), [(0.3, 4), (0.5, 1), (1, 0)])
def test_octaves_that_are_no_whole_number_of_steps_are_refused(octaves, steps):
    with pytest.raises(UserError, match="no whole number of steps"):
        ScaleRange(octaves, steps)


@pytest.mark.parametrize("scales", RANGES, ids=str)
def test_stored_scales_are_read_again(scales):
    assert from_stored(stored(scales) | {"group_order": 3}) == scales


@given(st.integers(1, 40), st.sampled_from(RANGES))
def test_the_source_patch_is_the_smallest_that_resampling_reads(side, scales):
    source = source_side(side, scales)
    smallest = [int(scales.ascending[0])]
    assert source % 2 == side % 2
    # NaN shows what is read: beyond the source patch nothing, at its edge something
    values = np.ones((source + 4, source + 4))
    ring = np.maximum(*map(np.abs, coordinates(source + 4)))
    beyond, edge = ring > (source - 1) / 2, ring == (source - 1) / 2
    weighted = transform_patches(picture(values * ~beyond), smallest, scales, side)
    np.testing.assert_allclose(weighted, 1, atol=1e-12)
    assert (transform_patches(picture(values * ~edge), smallest, scales, side) < 1).any()
    with pytest.raises(ValueError, match=f"needs a side of {source} pixels"):
        transform_patches(torch.zeros(1, 1, source - 2, source - 2), smallest, scales, side)


@pytest.mark.parametrize("scales", RANGES, ids=str)
@pytest.mark.parametrize("size", [8, 15])
def test_equals_pillows_antialiased_bilinear_resizing(scales, size):
    side = source_side(size, scales) + 2
    source = np.random.default_rng(0).random((side, side))
    scaled = transform_patches(picture(source), scales.elements, scales, size)[0, :, 0]
    for g in scales.elements:
        half = size / scales.scale(g) / 2
        box = (side / 2 - half, side / 2 - half, side / 2 + half, side / 2 + half)
        expected = Image.fromarray(source.astype(np.float32)).resize((size, size), Image.Resampling.BILINEAR, box=box)
        np.testing.assert_allclose(scaled[g], expected, atol=2e-6)
    assert torch.equal(scaled[0], picture(source)[0, 0, (side - size) // 2 :, (side - size) // 2 :][:size, :size])


@pytest.mark.parametrize("size", [20, 21])
def test_a_gaussian_blob_becomes_a_blob_of_the_scaled_width(size):
    """Analytic: exp(−r²/2σ²) scaled by s is exp(−r²/2(sσ)²). Tolerance: 0.025 of the blob's height at σ = 6 pixels.

    The widened triangle adds 1/(6 s²) pixels² to σ² in the source, which the tolerance holds.
    """
    scales, sigma = ScaleRange(1, 4), 6.0
    y, x = coordinates(source_side(size, scales))
    shift_y, shift_x = 2.5, -1.0  # off the centre, so that a wrong centre of scaling shows
    blob = np.exp(-((y - shift_y) ** 2 + (x - shift_x) ** 2) / (2 * sigma**2))
    scaled = transform_patches(picture(blob), scales.elements, scales, size)[0, :, 0].numpy()
    y, x = coordinates(size)
    for g in scales.elements:
        s = scales.scale(g)
        expected = np.exp(-((y - s * shift_y) ** 2 + (x - s * shift_x) ** 2) / (2 * (s * sigma) ** 2))
        np.testing.assert_allclose(scaled[g], expected, atol=0.025)
    assert np.abs(np.diff(scaled[scales.ascending], axis=0)).max(axis=(1, 2)).min() > 0.04  # it tells neighbours apart


def test_a_gratings_frequency_is_divided_by_the_scale():
    scales, size, period = ScaleRange(1, 2), 24, 12.0
    _, x = coordinates(source_side(size, scales))
    scaled = transform_patches(picture(np.cos(2 * np.pi * x / period)), scales.elements, scales, size)[0, :, 0]
    _, x = coordinates(size)
    for g in scales.elements:
        expected = np.cos(2 * np.pi * x / (period * scales.scale(g)))
        np.testing.assert_allclose(scaled[g], expected, atol=0.1)  # bilinear: at most 1 − sinc²(1/6) = 0.09


def test_a_grating_too_fine_for_the_shrunk_image_turns_grey_and_not_into_another():
    scales, size = ScaleRange(1, 1), 24
    side = source_side(size, scales)
    _, x = coordinates(side)
    grating = picture(np.cos(2 * np.pi * x / 2.4))
    shrunk = transform_patches(grating, [int(scales.ascending[0])], scales, size)[0, 0, 0]
    assert shrunk.abs().max() < 0.1
    assert grating[..., ::2].abs().max() > 0.9  # every second pixel: a slow grating that isn't there


def test_acting_twice_is_acting_once_by_the_product():
    scales, size = ScaleRange(1, 2), 15
    inner = source_side(size, scales)
    y, x = coordinates(source_side(inner, scales))
    smooth = picture(0.5 + 0.2 * np.sin(0.15 * y + 0.2 * x) + 0.2 * np.cos(0.25 * x))
    for g in scales.elements:
        for h in scales.elements:
            if scales.cayley[g, h] < 0:
                continue
            once = transform_patches(smooth, [scales.cayley[g, h]], scales, size)
            twice = transform_patches(transform_patches(smooth, [h], scales, inner)[:, 0], [g], scales, size)
            torch.testing.assert_close(twice, once, atol=0.02, rtol=0)


def test_a_grey_image_stays_grey():
    scales = ScaleRange(2, 3)
    grey = torch.full((1, 3, source_side(9, scales), source_side(9, scales)), 0.25, dtype=torch.float64)
    torch.testing.assert_close(
        transform_patches(grey, scales.elements, scales, 9), grey.new_full((1, 13, 3, 9, 9), 0.25)
    )
    assert math.isclose(scales.smallest, 0.25)
