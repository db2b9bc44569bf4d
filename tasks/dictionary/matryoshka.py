"""Matryoshka (Bussmann et al. 2025): nested prefixes of the dictionary must each reconstruct the row by themselves.

The loss is the mean reconstruction loss over the prefixes. The active features are chosen as in BatchTopK.
"""

import torch
from torch import Tensor

from tasks.dictionary.base import Target
from tasks.dictionary.batchtopk import BatchTopK
from tasks.dictionary.sparse import residual

PREFIXES = 4
"""Number of nested prefixes: the first m/8, m/4, m/2 and all m features."""


class Matryoshka(BatchTopK):
    """Matryoshka dictionary: features with a low number become general, those with a high number specific."""

    def prefix_sizes(self) -> list[int]:
        features = self.config.features
        return sorted({max(1, features >> halvings) for halvings in range(PREFIXES)})

    def reconstruct(self, target: Target, values_bk: Tensor, indices_bk: Tensor) -> tuple[Tensor, Tensor]:
        losses = []
        for size in self.prefix_sizes():
            prefix_bk = values_bk * (indices_bk < size)
            error_qbd = residual(target.rows_qbd, prefix_bk, indices_bk, self.decoder.weight, self.decoder.bias)
            losses.append(target.mean_square(error_qbd))
        return torch.stack(losses).mean(), error_qbd.detach()
