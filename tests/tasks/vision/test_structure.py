"""Estimates from pictures alone: against drawn gratings of known parameters, and against scikit-image."""

import math

import numpy as np
import polars
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter, rotate
from skimage.feature import structure_tensor

from tasks.vision.stimuli import SCHEMA, draw
from tasks.vision.structure import estimate


def drawn(side, cycles, degrees, phase=30.0, rendering="light fill"):
    row = {"family": "grating", "rendering": rendering, "frequency": cycles, "phase": phase, "angle_degrees": degrees}
    return draw(polars.DataFrame([{**dict.fromkeys(SCHEMA), **row}]), side)


def apart(degrees, others):
    """Angle between two axes, degrees."""
    return np.abs((np.asarray(degrees) - others + 90) % 180 - 90)


@given(
    side=st.integers(32, 91),
    periods=st.floats(2, 40),
    degrees=st.floats(0, 180, exclude_max=True),
    phase=st.floats(0, 360),
    rendering=st.sampled_from(["light fill", "red on cyan", "yellow on blue"]),
)
def test_a_grating_is_measured_as_it_was_drawn(side, periods, degrees, phase, rendering):
    """From two periods in the picture on, whatever the phase and the colours."""
    cycles = min(periods / side, 0.45)
    [found] = estimate(drawn(side, cycles, degrees, phase, rendering)).to_dicts()
    assert 0 <= found["orientation_degrees"] < 180
    assert apart(found["orientation_degrees"], degrees) < 0.05
    assert abs(math.log2(found["spatial_frequency"] / cycles)) < 0.04
    assert 0.84 < found["coherence"] <= 1


def test_bars_of_one_brightness_count():
    """Red and green of one grey: the sum over the channels is the same everywhere."""
    red = drawn(48, 1 / 8, 30.0)[:, :1]
    found = estimate(torch.cat([red, 1 - red, torch.zeros_like(red)], dim=1))
    grey = estimate(red)
    for name in found.columns:
        assert found[name].item() == pytest.approx(grey[name].item())


def test_two_gratings_across_each_other_have_no_orientation():
    both = (drawn(64, 1 / 8, 20.0) + drawn(64, 1 / 8, 110.0)) / 2
    assert estimate(both)["coherence"].item() < 0.01
    # octaves are averaged: as much power at 1/16 as at 1/4
    octaves = (drawn(64, 1 / 16, 20.0) + drawn(64, 1 / 4, 20.0)) / 2
    assert estimate(octaves)["spatial_frequency"].item() == pytest.approx(1 / 8, rel=0.02)


def test_neither_the_border_nor_brightness_nor_contrast_matters():
    picture = drawn(65, 1 / 10, 70.0)
    framed = picture.clone()
    framed[..., 0, :] = framed[..., -1, :] = 1 - framed[..., 0, :]
    faint = 0.7 + 0.01 * picture
    for other in (framed, faint):
        for name, column in estimate(other).to_dict().items():
            assert column.item() == pytest.approx(estimate(picture)[name].item(), rel=1e-3)


def test_a_uniform_picture_has_no_orientation_and_no_frequency():
    colours = torch.tensor([[0.0, 0.0, 0.0], [0.1, 0.5, 0.7]])[:, :, None, None]
    found = estimate(torch.cat([colours.expand(2, 3, 33, 33), drawn(33, 1 / 8, 0.0)]))
    assert found["orientation_degrees"].is_null().to_list() == [True, True, False]
    assert found["spatial_frequency"].is_null().to_list() == [True, True, False]
    assert found["coherence"].to_list()[:2] == [0, 0]


def test_orientation_and_coherence_are_scikit_images():
    """On smooth noise, stretched along random axes, where its 3 × 3 derivatives are good enough."""
    side, generator = 65, np.random.default_rng(0)
    pictures = []
    for angle, stretch in zip(generator.uniform(0, 180, 24), generator.uniform(1, 4, 24), strict=True):
        noise = gaussian_filter(generator.normal(size=(3, 2 * side, 2 * side)), (0, 2, 2 * stretch))
        pictures.append(rotate(noise, angle, axes=(1, 2), reshape=False)[:, side // 2 :, side // 2 :][:, :side, :side])
    pictures_ncyx = np.stack(pictures)
    found = estimate(torch.from_numpy(pictures_ncyx))

    # the window's square, cos⁴(πr / side), is close to a Gaussian of this width
    sigma, middle = side / (2 * math.pi), side // 2
    tensors_n = [
        np.sum([structure_tensor(plane, sigma, mode="nearest", order="rc") for plane in picture_cyx], axis=0)
        for picture_cyx in pictures_ncyx
    ]
    rr, rc, cc = np.array(tensors_n)[:, :, middle, middle].T
    degrees = np.degrees(np.arctan2(-2 * rc, cc - rr) / 2)
    coherence = np.hypot(cc - rr, 2 * rc) / (cc + rr)
    np.testing.assert_allclose(found["coherence"], coherence, atol=0.05)
    assert apart(found["orientation_degrees"].to_numpy(), degrees).max() < 1.5
