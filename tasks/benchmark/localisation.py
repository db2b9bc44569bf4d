"""Localisation: whether a feature fires on one connected region of an image, as Moran's I (ViSAEBench M1; Moran 1950).

    I = P / S · Σ_pq w_pq (f_p − f̄)(f_q − f̄) / Σ_p (f_p − f̄)²

P positions on a grid; w_pq = 1 where q is one of the eight neighbours of p, else 0; S = Σ w. A compact region gives a
value near 1, positions drawn at random a value near 0, a checkerboard a negative one.
"""

import torch
from torch import Tensor

LEAST_ACTIVE = 5
"""Positions on which a feature has to fire in an image."""
MOST_ACTIVE = 0.9
"""Share of the positions above which a feature counts as background of the image."""
LEAST_VARIANCE = 1e-10


def neighbour_sums(codes_byxm: Tensor) -> Tensor:
    """Return at each position the sum over its eight neighbours; there are none beyond the edge. Shape as given."""
    sums = codes_byxm
    for axis in (1, 2):
        before, after = torch.zeros_like(sums), torch.zeros_like(sums)
        length = sums.shape[axis] - 1
        before.narrow(axis, 1, length).copy_(sums.narrow(axis, 0, length))
        after.narrow(axis, 0, length).copy_(sums.narrow(axis, 1, length))
        sums = sums + before + after
    return sums - codes_byxm


def morans_i(codes_byxm: Tensor) -> tuple[Tensor, Tensor]:
    """Return Moran's I of each feature in each image, [b, m], and where it is defined, [b, m].

    It is not defined where a feature fires on fewer than `LEAST_ACTIVE` positions or on more than `MOST_ACTIVE` of
    them, and where all values are equal.
    """
    rows, columns = codes_byxm.shape[1:3]
    positions = rows * columns
    pairs = neighbour_sums(torch.ones(1, rows, columns, 1, dtype=torch.float64)).sum().item()
    active_bm = (codes_byxm != 0).sum((1, 2))
    centred_byxm = codes_byxm - codes_byxm.mean((1, 2), keepdim=True)
    variance_bm = centred_byxm.square().sum((1, 2))
    covariance_bm = (centred_byxm * neighbour_sums(centred_byxm)).sum((1, 2))
    defined_bm = (active_bm >= LEAST_ACTIVE) & (active_bm <= int(MOST_ACTIVE * positions))
    defined_bm &= variance_bm > LEAST_VARIANCE
    return positions / pairs * covariance_bm / variance_bm.clamp_min(LEAST_VARIANCE), defined_bm


class Localisation:
    """Moran's I of each feature, summed over images as they pass by."""

    def __init__(self, features: int) -> None:
        self.sum_m = torch.zeros(features, dtype=torch.float64)
        self.images_m = torch.zeros(features, dtype=torch.int64)

    def add(self, codes_byxm: Tensor) -> None:
        """Add a batch of images."""
        i_bm, defined_bm = morans_i(codes_byxm)
        self.sum_m += i_bm.where(defined_bm, 0.0).sum(0, dtype=torch.float64)
        self.images_m += defined_bm.sum(0)

    def scores(self, least_images: int) -> Tensor:
        """Return the mean Moran's I of each feature that has a value in at least `least_images` images."""
        scored_m = self.images_m >= max(least_images, 1)
        return self.sum_m[scored_m] / self.images_m[scored_m]
