"""Matryoshka (Bussmann et al. 2025): the first features alone, and every larger part, must reconstruct too.

The loss is the mean over nested prefixes of the dictionary; which features are active is BatchTopK's to say.
"""

import torch
from torch import Tensor

from tasks.dictionary.base import Target
from tasks.dictionary.batchtopk import BatchTopK
from tasks.dictionary.sparse import residual

PREFIXES = 4
"""Nested parts: m/8, m/4, m/2 and all m features."""


class Matryoshka(BatchTopK):
    """General features come first, special ones later: a feature's number says how early it is needed."""

    def prefix_sizes(self) -> list[int]:
        features = self.config.features
        return sorted({max(1, features >> halvings) for halvings in range(PREFIXES)})

    def reconstruct(self, target: Target, values_bk: Tensor, indices_bk: Tensor) -> tuple[Tensor, Tensor]:
        losses = []
        for size in self.prefix_sizes():
            of_prefix_bk = values_bk * (indices_bk < size)
            error_qbd = residual(target.rows_qbd, of_prefix_bk, indices_bk, self.decoder.weight, self.decoder.bias)
            losses.append(target.mean_square(error_qbd))
        return torch.stack(losses).mean(), error_qbd.detach()
