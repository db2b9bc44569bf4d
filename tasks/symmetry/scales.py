"""Changes of an image's scale: a set of transformations that is no group, because it ends on either side."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from tasks.errors import UserError


@dataclass(frozen=True)
class ScaleRange:
    """Scales 2^(j / scales_per_octave) for j = −J … J, with J = octaves · scales_per_octave.

    The elements are numbered 0 … 2J. Element g has j = g for g ≤ J, and j = g − (2J + 1) for larger g. 0 is the
    identity. A scale above 1 enlarges the image, one below 1 shrinks it: (g·x)(p) = x(p / scale).

    The product of two scales may lie outside the range, so this is no group: no orbit reuse, no subgroups, no Fourier
    series. Raises UserError unless J is a whole number, at least 1. Source: ours.
    """

    octaves: float
    scales_per_octave: int
    transformations: Literal["scale"] = "scale"

    n_rotations = 1
    reflections = False

    def __post_init__(self) -> None:
        steps = self.octaves * self.scales_per_octave
        if steps < 1 or steps != round(steps):
            raise UserError(
                f"octaves = {self.octaves:g} is no whole number of steps of 1/{self.scales_per_octave} octave: "
                f"set octaves to a multiple of 1/{self.scales_per_octave}, or change scales_per_octave"
            )

    @property
    def steps(self) -> int:
        """J, the number of scales on either side of the identity."""
        return round(self.octaves * self.scales_per_octave)

    @property
    def order(self) -> int:
        """Number of scales, 2J + 1."""
        return 2 * self.steps + 1

    @property
    def name(self) -> str:
        """Name of the range, such as "9 scales"."""
        return f"{self.order} scales"

    @property
    def is_fine(self) -> bool:
        """Whether neighbouring scales, at most a quarter octave apart, change an image little."""
        return self.scales_per_octave >= 4

    @cached_property
    def elements(self) -> np.ndarray:
        """All elements, int [order]."""
        return np.arange(self.order)

    @cached_property
    def ascending(self) -> np.ndarray:
        """All elements from the smallest scale to the largest, int [order]."""
        return (self.elements - self.steps) % self.order

    def _step(self, g):
        return (np.asarray(g) + self.steps) % self.order - self.steps

    def octaves_of(self, g):
        """Return log2 of the scale of g, in [−octaves, octaves]; elementwise for arrays."""
        return self._step(g) / self.scales_per_octave

    def scale(self, g: int) -> float:
        """Return the factor by which g enlarges an image."""
        return 2.0 ** float(self.octaves_of(g))

    @property
    def smallest(self) -> float:
        """The smallest scale."""
        return 2.0**-self.octaves

    @cached_property
    def cayley(self) -> np.ndarray:
        """The table of products, int [order, order]: entry [g, h] is gh, or −1 where gh is outside the range."""
        steps_gh = self._step(self.elements)[:, None] + self._step(self.elements)
        return np.where(np.abs(steps_gh) <= self.steps, steps_gh % self.order, -1)

    def is_reflection(self, g):
        """Return False; elementwise for arrays."""
        return np.zeros(np.shape(g), bool)

    def rotation_degrees(self, g):
        """Return 0; elementwise for arrays."""
        return np.zeros(np.shape(g))

    def reuse_permutation(self, g0: int) -> np.ndarray:
        """Return all elements for the identity, int [order]. Raises UserError for others: scales don't wrap around."""
        if g0:
            raise UserError("scales are no group: no scale can take the place of the identity, set orbit_reuse = false")
        return self.elements

    def source_side(self, side: int) -> int:
        """Return the side of the smallest source patch that the smallest scale reads for a patch of `side` pixels.

        It has the same parity, and so the same centre. Resampling reads the pixels at distances below
        (side + 1) / 2 / scale from the centre, along each axis.
        """
        last = math.ceil((side + 1) / self.smallest) - 1  # twice the distance of the last pixel from the centre
        return last + 1 - (last - (side - 1)) % 2
