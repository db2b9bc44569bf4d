"""Drawn patterns: each the shape its name says, its own look, and smooth edges."""

import math

import numpy as np
import pytest
import torch

from tasks.concepts.synthetic_patterns import INSIDE, LEAST_CONTRAST, LUMINANCE, PATTERNS, draw_pattern

every_pattern = pytest.mark.parametrize("pattern", PATTERNS)
PERIOD = 24.0


def distance(pattern: str, across, along) -> np.ndarray:
    """Of one look of the pattern."""
    return INSIDE[pattern](np.asarray(across), np.asarray(along), PERIOD, np.random.default_rng(0))


@pytest.fixture
def points() -> np.ndarray:
    """[2, n]: anywhere on both sides of the origin."""
    return np.random.default_rng(1).uniform(-200, 200, size=(2, 2000))


@every_pattern
def test_a_picture_hangs_on_seed_and_number_alone_and_no_two_are_alike(pattern):
    pictures = [draw_pattern(pattern, seed, index, 64) for seed in (0, 1) for index in range(3)]
    assert torch.equal(pictures[4], draw_pattern(pattern, 1, 1, 64))
    assert len({picture.numpy().tobytes() for picture in pictures}) == 6
    assert pictures[0].dtype == torch.uint8
    assert pictures[0].shape == (3, 64, 64)


@every_pattern
def test_two_colours_that_stand_out_fill_most_of_a_picture_and_edges_lie_between(pattern):
    for index in range(10):
        pixels_pc = draw_pattern(pattern, 2, index, 224).flatten(1).T
        colours, counts = pixels_pc.unique(dim=0, return_counts=True)
        most = counts.argsort(descending=True)[:2]
        assert counts[most].min() > 0.05 * len(pixels_pc)
        assert counts[most].sum() > 0.5 * len(pixels_pc)
        assert len(colours) > 20, "edges are antialiased"
        first, second = colours[most].double().numpy() @ LUMINANCE / 255
        assert abs(first - second) >= LEAST_CONTRAST - 0.01


@every_pattern
def test_coverage_changes_by_no_more_than_the_way_gone(pattern, points):
    across, along = points
    for angle in np.linspace(0, 2 * math.pi, 7):
        moved = distance(pattern, across + 0.5 * math.cos(angle), along + 0.5 * math.sin(angle))
        change = np.clip(moved + 0.5, 0, 1) - np.clip(distance(pattern, across, along) + 0.5, 0, 1)
        assert np.abs(change).max() <= 0.5 + 1e-9


def test_stripes_do_not_change_along_themselves(points):
    across, along = points
    np.testing.assert_allclose(distance("stripes", across, along), distance("stripes", across + PERIOD, 0 * along))


def test_dots_are_round(points):
    radius = distance("dots", 0.0, 0.0)
    assert 0.2 * PERIOD <= radius <= 0.4 * PERIOD
    angles = np.linspace(0, 2 * math.pi, 20)
    around = distance("dots", radius * np.cos(angles), radius * np.sin(angles))
    np.testing.assert_allclose(around, 0, atol=1e-9)


def test_honeycombs_have_sixfold_symmetry(points):
    across, along = points
    cos, sin = math.cos(math.pi / 3), math.sin(math.pi / 3)
    turned = distance("honeycombs", cos * across - sin * along, sin * across + cos * along)
    np.testing.assert_allclose(distance("honeycombs", across, along), turned, atol=1e-6)


def test_zigzags_mirror_at_each_corner_and_are_no_stripes(points):
    across, along = points
    np.testing.assert_allclose(distance("zigzags", across, along), distance("zigzags", across, -along), atol=1e-9)
    assert np.ptp(distance("zigzags", 0.0, np.arange(100.0))) > 1


def test_checks_change_colour_over_every_edge(points):
    across, along = points
    here, beside, diagonal = (
        distance("checks", across + step * PERIOD, along + other * PERIOD) for step, other in ((0, 0), (1, 0), (1, 1))
    )
    np.testing.assert_allclose(here, -beside, atol=1e-9)
    np.testing.assert_allclose(here, diagonal, atol=1e-9)
