"""Matryoshka (Bussmann et al. 2025): nested prefixes of the dictionary must each reconstruct the row by themselves.

The loss is the mean reconstruction loss over the prefixes. The active features are chosen as in BatchTopK.
"""

import torch
from torch import Tensor

from tasks.dictionary.base import Target
from tasks.dictionary.batchtopk import BatchTopK

PREFIXES = 4
"""Number of nested prefixes: the first m/8, m/4, m/2 and all m features."""


def prefix_sizes(features: int) -> list[int]:
    """Return the sizes of the nested prefixes, in ascending order."""
    return sorted({max(1, features >> halvings) for halvings in range(PREFIXES)})


class Matryoshka(BatchTopK):
    """Matryoshka dictionary: features with a low number become general, those with a high number specific."""

    def reconstruct(self, target: Target, values_bk: Tensor, indices_bk: Tensor) -> tuple[Tensor, Tensor]:
        losses = []
        for size in prefix_sizes(self.config.features):
            prefix_bk = values_bk * (indices_bk < size)
            error_qbd = self.target_residual(target.rows_qbd, prefix_bk, indices_bk)
            losses.append(target.mean_square(error_qbd))
        return torch.stack(losses).mean(), error_qbd.detach()
