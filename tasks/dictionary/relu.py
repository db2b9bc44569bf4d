"""ReLU with an L1 penalty weighted by the decoder's norms (Bricken et al. 2023; Conerly et al. 2024).

Penalty: λ Σ_i f_i Σ_g ‖W_dec,i^g‖, the sum of norms over the blocks for a group crosscoder (paper "symmetry" §3).
"""

import torch
from torch import Tensor

from tasks.dictionary.base import Dictionary, Loss, warmed_up
from tasks.dictionary.sparse import from_dense


class ReLU(Dictionary):
    """ReLU dictionary: a feature is active wherever its pre-activation is positive."""

    cuts_gradients = True
    encoder_moves_bias = True

    def initialise(self, rows_gbd: Tensor) -> None:
        super().initialise(rows_gbd)
        self.shrink()

    def encode_active(self, z_gbd: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            return from_dense(self.pre_activations(self.encoder_input(z_gbd)).relu())

    def loss(self, x_gbd: Tensor, dead_m: Tensor | None = None, done: float = 1.0) -> Loss:
        z_gbd = x_gbd * self.scale
        target = self.target(z_gbd)
        f_bm = self.pre_activations(self.encoder_input(z_gbd)).relu()
        reconstruction = target.mean_square(target.rows_qbd - self.decode_scaled(f_bm))
        # divided by blocks and channels like the error, which is a mean over them, so that λ relates sums to sums
        sparsity = (f_bm @ self.feature_norms()).mean() / (self.block_count * self.channels)
        total = reconstruction + warmed_up(self.config.sparsity, done) * sparsity
        return self.dense_loss(total, reconstruction, sparsity, f_bm)
