"""How far a dimension is a harmonic of the group: its scores on orbits, split among the irreducible representations.

A score on an orbit, z(g) = z(a(g·x)), is a function on the group. Such functions split into orthogonal parts, one for
each irreducible representation, that no transform of the image leads out of. Of D_n: A1, the same at every g; A2, whose
sign changes with a mirror; for each k < n/2 E_k, which goes through k waves in a full turn, over the rotations and over
the reflections alike; for even n two of n/2 waves, B1 and B2, shown as one: which is which depends on where the mirror
stands. C_n has no A2, and one B. Source: textbook (the regular representation); the measure ours.
"""

import numpy as np
import polars

from tasks.symmetry.group import DihedralGroup

CONSTANT = 1e-12
"""Standard deviation over root mean square below which a score does not change but for rounding."""
SCHEMA = {"dimension": polars.Int32, "irrep": polars.String, "waves_per_turn": polars.Int32, "share": polars.Float64}


class IrrepEnergies:
    """Sums over orbits, added batch by batch in float64, of each dimension's energy in each representation."""

    def __init__(self, group: DihedralGroup, dimensions: int) -> None:
        self.group, half = group, (group.n_rotations - 1) // 2
        self.irreps = [("A1", 0), *[("A2", 0)] * group.reflections, *((f"E{k}", k) for k in range(1, half + 1))]
        if group.n_rotations % 2 == 0:
            self.irreps.append(("B", group.n_rotations // 2))
        self.orbits = 0
        self.mean_k, self.energy_ik = np.zeros(dimensions), np.zeros((len(self.irreps), dimensions))

    def add(self, scores_rgk: np.ndarray) -> None:
        """Scores [orbits, |G|, dimensions] of every transform of some orbits, transforms in the group's order."""
        orbits, order, dimensions = scores_rgk.shape
        if not orbits:
            return
        # the first half of a group with reflections is its rotations r^k, the second r^k s
        cosets_rsnk = np.asarray(scores_rgk, np.float64).reshape(orbits, -1, self.group.n_rotations, dimensions)
        level_rsk = cosets_rsnk.mean(2)
        spectrum_rsfk = np.fft.rfft(cosets_rsnk - level_rsk[:, :, None], axis=2)
        power_fk = (np.abs(spectrum_rsfk) ** 2).sum((0, 1))[1:] / self.group.n_rotations
        # a real function has each frequency twice, as k and −k, but for the one of n/2 waves
        power_fk[: (self.group.n_rotations - 1) // 2] *= 2

        # variance of the orbits' levels, joined with that of the orbits before (Chan et al. 1983)
        level_rk = level_rsk.mean(1)
        mean_k = level_rk.mean(0)
        between_k = (mean_k - self.mean_k) ** 2 * self.orbits * orbits / (self.orbits + orbits)
        self.mean_k += (mean_k - self.mean_k) * orbits / (self.orbits + orbits)
        self.orbits += orbits
        same_k = ((level_rk - mean_k) ** 2).sum(0) + between_k
        mirrored_k = ((level_rsk - level_rk[:, None]) ** 2).sum((0, 1))

        levels = [order * same_k] + [self.group.n_rotations * mirrored_k] * self.group.reflections
        self.energy_ik += np.concatenate([levels, power_fk])

    def shares(self) -> polars.DataFrame:
        """(dimension, irrep, frequency, share): of the variance about the mean over all orbits and transforms.

        Sums to 1 for each dimension. A score that never changes is A1 altogether: the same under the whole group.
        """
        total_k = self.energy_ik.sum(0)
        still_k = total_k <= CONSTANT**2 * (total_k + self.orbits * self.group.order * self.mean_k**2)
        only_a1 = (np.arange(len(self.irreps)) == 0)[:, None]
        share_ik = np.where(still_k, only_a1, self.energy_ik / np.where(still_k, 1, total_k))
        return polars.DataFrame(
            [
                (dimension, irrep, frequency, float(share))
                for dimension, share_i in enumerate(share_ik.T)
                for (irrep, frequency), share in zip(self.irreps, share_i, strict=True)
            ],
            schema=SCHEMA,
            orient="row",
        )
