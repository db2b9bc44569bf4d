"""The dihedral group D_n, rotations by multiples of 360°/n and reflections, or its subgroup of rotations C_n.

It acts on the plane of an image, or on its colours (tasks/symmetry/action.py).
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from tasks.errors import UserError


@dataclass(frozen=True)
class DihedralGroup:
    """D_n of order 2n, or without reflections C_n of order n. The elements are numbered 0 … |G| − 1.

    g < n is r^g, with r the rotation by 360°/n. g ≥ n is r^(g − n) s: first s, the mirror, then the rotation. 0 is the
    identity, the only element of C_1. The group acts on images from the left: (gh)·x = g·(h·x).

    transformations: what the elements do to an image. rotations: r turns it counter-clockwise as displayed (y up), s
    mirrors it left-right, (g·x)(p) = x(g⁻¹ p). hue: r turns every colour about the grey axis, from red towards green, s
    exchanges green and blue.

    Raises UserError for n_rotations < 1. Numbering: ours.
    """

    n_rotations: int
    reflections: bool = True
    transformations: Literal["rotations", "hue"] = "rotations"

    def __post_init__(self) -> None:
        if self.n_rotations < 1:
            raise UserError(f"n_rotations = {self.n_rotations} is less than 1, the identity alone: set at least 1")

    @property
    def order(self) -> int:
        """|G|: 2 n_rotations, or n_rotations without reflections."""
        return 2 * self.n_rotations if self.reflections else self.n_rotations

    @property
    def name(self) -> str:
        """Name of the group, such as "D_16", "C_16" or "hue C_16"."""
        name = f"{'D' if self.reflections else 'C'}_{self.n_rotations}"
        return f"hue {name}" if self.transformations == "hue" else name

    @property
    def is_fine(self) -> bool:
        """Whether neighbouring rotations, at most 45° apart, change an image little."""
        return self.n_rotations >= 8

    @cached_property
    def elements(self) -> np.ndarray:
        """All elements, int [|G|]."""
        return np.arange(self.order)

    @cached_property
    def cayley(self) -> np.ndarray:
        """The table of products, int [|G|, |G|]: entry [g, h] is gh."""
        n = self.n_rotations
        turns, mirrored = self.elements % n, self.elements >= n
        # s r^k = r^(-k) s: a rotation to the right of a reflection changes its direction
        direction = np.where(mirrored, -1, 1)
        turns_gh = (turns[:, None] + direction[:, None] * turns[None, :]) % n
        return turns_gh + n * (mirrored[:, None] ^ mirrored[None, :])

    def compose(self, g, h):
        """Return gh; elementwise for arrays."""
        return self.cayley[g, h]

    @cached_property
    def inverses(self) -> np.ndarray:
        """The inverses, int [|G|]: entry g is g⁻¹."""
        return np.argmin(self.cayley, axis=1)

    def inverse(self, g):
        """Return g⁻¹; elementwise for arrays."""
        return self.inverses[g]

    def is_reflection(self, g):
        """Return whether g is a reflection r^k s; elementwise for arrays."""
        return np.asarray(g) >= self.n_rotations

    def rotation_degrees(self, g):
        """Return the angle, in [0, 360), of the rotation r^k in g = r^k or g = r^k s; elementwise for arrays."""
        return 360.0 * (np.asarray(g) % self.n_rotations) / self.n_rotations

    def quarter_turns(self, g: int) -> int | None:
        """Return the number of 90° rotations, 0 … 3, that equals the rotation in g, or None if there is none."""
        quarters, rest = divmod(4 * (int(g) % self.n_rotations), self.n_rotations)
        return quarters if rest == 0 else None

    def matrix(self, g: int) -> np.ndarray:
        """Return the matrix of g for column vectors (x right, y up), float [2, 2]; exact for multiples of 90°."""
        quarters = self.quarter_turns(g)
        if quarters is not None:
            cosine, sine = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[quarters]
        else:
            angle = 2 * math.pi * (int(g) % self.n_rotations) / self.n_rotations
            cosine, sine = math.cos(angle), math.sin(angle)
        rotation = np.array([[cosine, -sine], [sine, cosine]])
        return rotation @ np.diag([-1.0, 1.0]) if self.is_reflection(g) else rotation

    def colour_matrix(self, g: int) -> np.ndarray:
        """Return the matrix of g on linear combinations of (red, green, blue), float64 [3, 3].

        It keeps the grey axis, and with it R + G + B, and turns the plane across that axis. Multiples of 120°, mirrored
        or not, are exact permutations of the channels. Source: ours.
        """
        thirds, rest = divmod(3 * (int(g) % self.n_rotations), self.n_rotations)
        mirror = np.eye(3)[[0, 2, 1]] if self.is_reflection(g) else np.eye(3)
        if rest == 0:
            return np.roll(np.eye(3), thirds, axis=0) @ mirror
        angle = 2 * math.pi * (int(g) % self.n_rotations) / self.n_rotations
        channels = np.arange(3)
        places = (channels[:, None] - channels) % 3
        return (1 + 2 * np.cos(angle - 2 * math.pi / 3 * places)) / 3 @ mirror

    def subgroup(self, n_rotations: int) -> tuple["DihedralGroup", np.ndarray]:
        """Return the subgroup with `n_rotations` rotations, and the indices of its elements in this group, int [order].

        Raises UserError unless n_rotations divides the number of rotations of this group.
        """
        step, rest = divmod(self.n_rotations, n_rotations)
        if rest:
            divisors = [str(n) for n in range(1, self.n_rotations + 1) if self.n_rotations % n == 0]
            raise UserError(
                f"n_rotations = {n_rotations} does not divide the {self.n_rotations} rotations of {self.name}: "
                f"choose {' or '.join([', '.join(divisors[:-1])] * (len(divisors) > 1) + divisors[-1:])}"
            )
        group = DihedralGroup(n_rotations, self.reflections, self.transformations)
        return group, group.elements % n_rotations * step + self.n_rotations * group.is_reflection(group.elements)

    def reuse_permutation(self, g0: int) -> np.ndarray:
        """Return the products g g0 for all g, int [|G|].

        If a[g] = a(g·x) is the orbit of x, then a[reuse_permutation(g0)] is the orbit of g0·x. The forward passes of
        one orbit thus give |G| training rows (orbit reuse). Source: ours.
        """
        return self.cayley[:, g0]
