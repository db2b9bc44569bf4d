"""Gated (Rajamanoharan et al. 2024a): a gate decides which features are active, a magnitude path how strongly.

Both paths use the same encoder directions; the magnitude path has its own scale and bias per feature. The sparsity
penalty applies to the gate. An auxiliary loss, the error of a reconstruction from the gate alone through a decoder
without gradient, keeps the gate informative.
"""

import torch
from torch import Tensor, nn

from tasks.dictionary.base import Dictionary, Loss, warmed_up
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.sparse import from_dense
from tasks.symmetry.transformations import Transformations


class Gated(Dictionary):
    """Gated dictionary. magnitude_log_scale, magnitude_bias: [m]; encoder.bias is the bias of the gate."""

    encoder_moves_bias = True

    def __init__(self, config: DictionaryConfig, channels: int, group: Transformations):
        super().__init__(config, channels, group)
        self.magnitude_log_scale = nn.Parameter(torch.zeros(config.features))
        self.magnitude_bias = nn.Parameter(torch.zeros(config.features))

    @torch.no_grad()
    def initialise(self, rows_gbd: Tensor) -> None:
        super().initialise(rows_gbd)
        # at the start both paths compute the same values
        self.magnitude_bias.copy_(self.encoder.bias)

    def encode_active(self, z_gbd: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            gate_bm = self.pre_activations(self.encoder_input(z_gbd))
            return from_dense(self._features(gate_bm))

    def loss(self, x_gbd: Tensor, dead_m: Tensor | None = None, done: float = 1.0) -> Loss:
        z_gbd = x_gbd * self.scale
        target = self.target(z_gbd)
        gate_bm = self.pre_activations(self.encoder_input(z_gbd))
        f_bm, positive_gate_bm = self._features(gate_bm), gate_bm.relu()
        reconstruction = target.mean_square(target.rows_qbd - self.decode_scaled(f_bm))
        sparsity = (positive_gate_bm @ self.feature_norms().detach()).mean() / (self.block_count * self.channels)
        frozen_qmd, frozen_qd = self.decoder.weight.detach(), self.decoder.bias.detach()
        gate_only_qbd = (positive_gate_bm @ frozen_qmd).float() + frozen_qd[:, None]
        auxiliary = target.mean_square(target.rows_qbd - gate_only_qbd)
        total = reconstruction + warmed_up(self.config.sparsity, done) * sparsity + auxiliary
        return self.dense_loss(total, reconstruction, sparsity, f_bm)

    def _features(self, gate_bm: Tensor) -> Tensor:
        """Return f [b, m]: the magnitude where the gate is positive, else 0; f gives the gate's bias no gradient."""
        bias_m = self.encoder.bias
        magnitude_bm = (gate_bm - bias_m) * self.magnitude_log_scale.exp() + self.magnitude_bias
        return torch.where(gate_bm > 0, magnitude_bm.relu(), 0.0)
