"""The dihedral group D_n: rotations by multiples of 360°/n, and reflections; or its rotations alone."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tasks.errors import UserError


@dataclass(frozen=True)
class DihedralGroup:
    """D_n of order 2n, or without reflections C_n of order n; its elements numbered 0 … |G| − 1.

    g < n is r^g, with r the rotation by 360°/n counter-clockwise as displayed (y up);
    g ≥ n is r^(g − n) s: first s, the left-right mirror, then the rotation. 0 is the identity, and all there is of C_1.
    The group acts on images from the left: (g·x)(p) = x(g⁻¹ p), hence (gh)·x = g·(h·x).

    Raises UserError for n_rotations < 1. Numbering: ours.
    """

    n_rotations: int
    reflections: bool = True

    def __post_init__(self) -> None:
        if self.n_rotations < 1:
            raise UserError(f"n_rotations is {self.n_rotations}: a group needs at least 1 rotation (the identity)")

    @property
    def order(self) -> int:
        """|G| = 2 n_rotations, or n_rotations without reflections."""
        return 2 * self.n_rotations if self.reflections else self.n_rotations

    @property
    def name(self) -> str:
        """D_n or C_n."""
        return f"{'D' if self.reflections else 'C'}_{self.n_rotations}"

    @cached_property
    def elements(self) -> np.ndarray:
        """[|G|] int: every element."""
        return np.arange(self.order)

    @cached_property
    def cayley(self) -> np.ndarray:
        """[|G|, |G|] int: entry [g, h] is the product gh."""
        n = self.n_rotations
        turns, mirrored = self.elements % n, self.elements >= n
        # s r^k = r^(-k) s: to the right of a reflection, rotations run backwards.
        direction = np.where(mirrored, -1, 1)
        turns_gh = (turns[:, None] + direction[:, None] * turns[None, :]) % n
        return turns_gh + n * (mirrored[:, None] ^ mirrored[None, :])

    def compose(self, g, h):
        """gh, element by element for arrays of elements."""
        return self.cayley[g, h]

    @cached_property
    def inverses(self) -> np.ndarray:
        """[|G|] int: entry g is g⁻¹."""
        return np.argmin(self.cayley, axis=1)

    def inverse(self, g):
        """g⁻¹, element by element for arrays of elements."""
        return self.inverses[g]

    def is_reflection(self, g):
        """Whether g turns left hands into right hands; element by element for arrays."""
        return np.asarray(g) >= self.n_rotations

    def rotation_degrees(self, g):
        """Angle in [0, 360) of the rotation r^k in g = r^k or g = r^k s, counter-clockwise."""
        return 360.0 * (np.asarray(g) % self.n_rotations) / self.n_rotations

    def quarter_turns(self, g: int) -> int | None:
        """0 … 3 when the rotation in g is that many times 90°, else None."""
        quarters, rest = divmod(4 * (int(g) % self.n_rotations), self.n_rotations)
        return quarters if rest == 0 else None

    def matrix(self, g: int) -> np.ndarray:
        """[2, 2] float: g acting on column vectors (x right, y up). Exact for multiples of 90°."""
        quarters = self.quarter_turns(g)
        if quarters is not None:
            cosine, sine = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[quarters]
        else:
            angle = 2 * math.pi * (int(g) % self.n_rotations) / self.n_rotations
            cosine, sine = math.cos(angle), math.sin(angle)
        rotation = np.array([[cosine, -sine], [sine, cosine]])
        return rotation @ np.diag([-1.0, 1.0]) if self.is_reflection(g) else rotation

    def subgroup(self, n_rotations: int) -> tuple["DihedralGroup", np.ndarray]:
        """The subgroup with so many rotations, and [order] int: the element of this group that each of its own is.

        Raises UserError unless n_rotations divides this group's.
        """
        step, rest = divmod(self.n_rotations, n_rotations)
        if rest:
            divisors = [str(n) for n in range(1, self.n_rotations + 1) if self.n_rotations % n == 0]
            raise UserError(
                f"n_rotations = {n_rotations} does not divide the {self.n_rotations} of {self.name}: "
                f"take {' or '.join([', '.join(divisors[:-1])] * (len(divisors) > 1) + divisors[-1:])}"
            )
        part = DihedralGroup(n_rotations, self.reflections)
        return part, part.elements % n_rotations * step + self.n_rotations * part.is_reflection(part.elements)

    def reuse_permutation(self, g0: int) -> np.ndarray:
        """[|G|] int: entry g is g g0.

        Of one orbit a[g] = a(g·x), the rows a[reuse_permutation(g0)] are the orbit of x' = g0·x, whatever g0
        (orbit reuse: |G| training rows for the passes of one). Source: ours.
        """
        return self.cayley[:, g0]
