"""Fraction of variance unexplained at the positions of whole images (ViSAEBench M2), and what it is computed from.

    z = (x − mean) / std        mean: of each channel; std: one number, the root of the channels' mean variance
    theirs     V(z − ẑ) / V(z),  V(z) = E Σ_c z_c² − (E Σ_c z_c)²
    ours       E ‖x − x̂‖² / E ‖x − mean‖²  (methods §3.6)

mean and std are those of the benchmark's photographs, for images of another domain too. The package's V subtracts the
square of the channels' summed mean, and not the sum of their squared means. The two agree where the means are 0: on the
photographs V(z) is the variance, but V(z − ẑ) is too small, even negative, where the reconstruction's error is biased,
and on another domain V(z) may be negative. So both are measured. Sums are in double precision: one pass is enough.
"""

import math

import torch
from torch import Tensor


class Moments:
    """Sums over positions: of each channel [d], and of all squares."""

    def __init__(self, channels: int) -> None:
        self.positions, self.squares = 0, 0.0
        self.sum_d = torch.zeros(channels, dtype=torch.float64)

    def add(self, rows_pd: Tensor) -> None:
        """Add rows [positions, channels]."""
        self.positions += len(rows_pd)
        self.sum_d += rows_pd.sum(0, dtype=torch.float64)
        self.squares += rows_pd.double().square().sum().item()

    def mean(self) -> Tensor:
        """Return the mean of each channel, [d]."""
        return self.sum_d / self.positions

    def square_about(self, mean_d: Tensor) -> float:
        """Return E ‖x − mean‖²."""
        return self.squares / self.positions + (mean_d.square() - 2 * mean_d * self.mean()).sum().item()

    def deviation(self) -> float:
        """Return the root of the channels' mean variance."""
        return math.sqrt(max(self.square_about(self.mean()), 0.0) / len(self.sum_d))

    def their_variance(self, mean_d: Tensor) -> float:
        """Return V(x − mean)."""
        return self.square_about(mean_d) - (self.mean() - mean_d).sum().item() ** 2


def their_fvu(rows: Moments, residuals: Moments, mean_d: Tensor) -> float:
    """Return the package's FVU. rows: x; residuals: x − x̂; infinite if V(z) isn't positive."""
    variance = rows.their_variance(mean_d)
    return residuals.their_variance(torch.zeros_like(mean_d)) / variance if variance > 0 else math.inf


def their_fvu_elsewhere(rows: Moments, residuals: Moments, mean_d: Tensor) -> float:
    """Return the package's FVU on another domain: at least 0, and 1 if V(z) isn't positive."""
    found = their_fvu(rows, residuals, mean_d)
    return max(found, 0.0) if math.isfinite(found) else 1.0


def fvu(rows: Moments, residuals: Moments) -> float:
    """Return the FVU of methods §3.6, about the mean of each channel of these rows."""
    variance = rows.square_about(rows.mean())
    return residuals.squares / residuals.positions / variance if variance > 0 else math.inf
