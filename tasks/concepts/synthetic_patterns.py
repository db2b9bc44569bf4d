"""Synthetic patterns that serve as concepts: stripes, dots, honeycombs, zigzags and checks.

Source: ours. Scale, angle, position, two colours and the share of ink are drawn at random for every image. As for the
stimuli of early vision, a shape is a signed distance in pixels, positive inside, and a pixel's coverage is that
distance clipped to the pixel's width.
"""

import math
from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

Pattern = Literal["stripes", "dots", "honeycombs", "zigzags", "checks"]
PATTERNS: tuple[Pattern, ...] = get_args(Pattern)
PERIODS = 1 / 20, 1 / 4
"""Shortest and longest period, as a share of the image's side; drawn uniformly on a logarithmic axis."""
LEAST_CONTRAST = 0.3
"""Least difference between the luminances of ink and ground, each in [0, 1]."""
LUMINANCE = np.array([0.2126, 0.7152, 0.0722])


def draw_pattern(pattern: Pattern, seed: int, index: int, side: int) -> Tensor:
    """Draw image `index` of the series `seed`: uint8 [3, side, side] RGB. The same arguments give the same pixels."""
    rng = np.random.default_rng([seed, index, PATTERNS.index(pattern)])
    period = side * np.exp(rng.uniform(*np.log(PERIODS)))
    angle, shift = rng.uniform(0, 2 * math.pi), rng.uniform(0, side, size=2)
    x, y = np.arange(side), np.arange(side)[:, None]
    across = np.cos(angle) * x + np.sin(angle) * y + shift[0]
    along = np.cos(angle) * y - np.sin(angle) * x + shift[1]
    coverage_yx = np.clip(INSIDE[pattern](across, along, period, rng) + 0.5, 0, 1)
    ink, ground = _colours(rng)
    pixels_yxc = ground + coverage_yx[..., None] * (ink - ground)
    return torch.from_numpy((255 * pixels_yxc).round().astype(np.uint8)).permute(2, 0, 1).contiguous()


def _colours(rng: np.random.Generator) -> np.ndarray:
    """Draw ink and ground, [2, 3] RGB in [0, 1], until they differ enough in luminance."""
    while True:
        colours = rng.random((2, 3))
        if abs(np.subtract(*colours @ LUMINANCE)) >= LEAST_CONTRAST:
            return colours


# Signed distances ----------------------------------------------------------------------------------------------------
# They return [side, side], positive inside. across, along: coordinates on the pattern's axes. All are in pixels.


def _from_nearest(position: np.ndarray, period: float) -> np.ndarray:
    """Return the signed distance to the nearest multiple of the period."""
    return position - period * np.round(position / period)


def _stripes(across, along, period, rng) -> np.ndarray:
    return period * rng.uniform(0.3, 0.7) / 2 - np.abs(_from_nearest(across, period))


def _dots(across, along, period, rng) -> np.ndarray:
    """Dots on a square lattice, or on a staggered one with every second row shifted by half a period."""
    row = np.round(across / period)
    staggered = along + period / 2 * (row % 2) * rng.integers(2)
    return period * rng.uniform(0.2, 0.4) - np.hypot(across - period * row, _from_nearest(staggered, period))


def _honeycombs(across, along, period, rng) -> np.ndarray:
    """Walls between hexagons; the period is the distance from wall to wall."""
    rows = math.sqrt(3) * period
    lattices = [
        (_from_nearest(across + shift * period / 2, period), _from_nearest(along + shift * rows / 2, rows))
        for shift in (0, 1)
    ]
    first, second = lattices
    nearer = np.hypot(*first) < np.hypot(*second)
    x, y = (np.where(nearer, *coordinates) for coordinates in zip(first, second, strict=True))
    from_centre = np.maximum(np.abs(x), np.abs(x) / 2 + np.abs(y) * math.sqrt(3) / 2)
    return from_centre - period / 2 * rng.uniform(0.7, 0.9)


def _zigzags(across, along, period, rng) -> np.ndarray:
    """Stripes that bend to and fro by 60 to 100 degrees."""
    slope, length = rng.uniform(0.6, 1.2), period * rng.uniform(1.5, 3)
    wave = slope * np.abs(_from_nearest(along, length))
    # the thickness of a slanted band is its height times the cosine of its slope
    slant = math.hypot(1, slope)
    height = period * slant
    return (height * rng.uniform(0.3, 0.7) / 2 - np.abs(_from_nearest(across + wave, height))) / slant


def _checks(across, along, period, rng) -> np.ndarray:
    from_edges = [period / 2 - np.abs(_from_nearest(axis, 2 * period)) for axis in (across, along)]
    return np.sign(np.prod(from_edges, axis=0)) * np.minimum(*np.abs(from_edges))


INSIDE: dict[Pattern, Callable[..., np.ndarray]] = {
    "stripes": _stripes,
    "dots": _dots,
    "honeycombs": _honeycombs,
    "zigzags": _zigzags,
    "checks": _checks,
}
