"""Split the variance of a dimension's scores on orbits among the group's irreducible representations (methods §6).

A score on an orbit, z(g) = z(a(g·x)), is a function on the group. Such functions are sums of orthogonal parts, one per
irreducible representation, each of which is preserved by every transform of the image. D_n has these parts:

* A1: the same at every g.
* A2: changes its sign under a mirror.
* E_k for each k < n/2: k waves per turn, over the rotations as well as over the reflections.
* B for even n: n/2 waves per turn. B1 and B2 are reported as one, since the position of the mirror decides which is
  which.

C_n has no A2, and a single B. Source: textbook (the regular representation); the measure is ours.
"""

import numpy as np
import polars

from tasks.symmetry.group import DihedralGroup

CONSTANT = 1e-12
"""A score whose standard deviation is below this share of its root mean square is constant up to rounding."""
SCHEMA = {"dimension": polars.Int32, "irrep": polars.String, "waves_per_turn": polars.Int32, "share": polars.Float64}


class IrrepEnergies:
    """Energy of each dimension in each representation, summed over orbits, batch by batch, in float64."""

    def __init__(self, group: DihedralGroup, dimensions: int) -> None:
        self.group, half = group, (group.n_rotations - 1) // 2
        self.irreps = [("A1", 0), *[("A2", 0)] * group.reflections, *((f"E{k}", k) for k in range(1, half + 1))]
        if group.n_rotations % 2 == 0:
            self.irreps.append(("B", group.n_rotations // 2))
        self.orbits = 0
        self.mean_k, self.energy_ik = np.zeros(dimensions), np.zeros((len(self.irreps), dimensions))

    def add(self, scores_rgk: np.ndarray) -> None:
        """Add scores [orbits, |G|, dimensions] of every transform of some orbits, transforms in the group's order."""
        orbits, order, dimensions = scores_rgk.shape
        if not orbits:
            return
        # axis s: rotations r^k, then, if the group has them, reflections r^k s
        cosets_rsnk = np.asarray(scores_rgk, np.float64).reshape(orbits, -1, self.group.n_rotations, dimensions)
        level_rsk = cosets_rsnk.mean(2)
        spectrum_rsfk = np.fft.rfft(cosets_rsnk - level_rsk[:, :, None], axis=2)
        power_fk = (np.abs(spectrum_rsfk) ** 2).sum((0, 1))[1:] / self.group.n_rotations
        # a real function has each frequency twice, as k and −k, except that of n/2 waves
        power_fk[: (self.group.n_rotations - 1) // 2] *= 2

        # variance of the orbits' levels, merged with that of the earlier orbits (Chan et al. 1983)
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
        """Return (dimension, irrep, waves_per_turn, share): shares of the variance over all orbits and transforms.

        The shares of a dimension sum to 1. A constant score has the share 1 in A1.
        """
        total_k = self.energy_ik.sum(0)
        constant_k = total_k <= CONSTANT**2 * (total_k + self.orbits * self.group.order * self.mean_k**2)
        only_a1 = (np.arange(len(self.irreps)) == 0)[:, None]
        share_ik = np.where(constant_k, only_a1, self.energy_ik / np.where(constant_k, 1, total_k))
        return polars.DataFrame(
            [
                (dimension, irrep, frequency, float(share))
                for dimension, share_i in enumerate(share_ik.T)
                for (irrep, frequency), share in zip(self.irreps, share_i, strict=True)
            ],
            schema=SCHEMA,
            orient="row",
        )
