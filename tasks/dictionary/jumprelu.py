"""JumpReLU (Rajamanoharan et al. 2024b): f = pre where pre exceeds the feature's learned threshold, else 0.

The penalty is λ · L0. The step function has no useful gradient; a straight-through estimator replaces it by a
rectangle of width `BANDWIDTH` around the threshold.
"""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from tasks.dictionary.base import Dictionary, Loss, warmed_up
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.sparse import from_dense
from tasks.symmetry.transformations import Transformations

FIRST_THRESHOLD, BANDWIDTH = 0.5, 0.5
"""For an encoder that reads one block, E‖z‖ = √d; both are multiplied by √h for h blocks.

The paper's bandwidth, 0.001 at E‖z‖² = 1, is too narrow for a training of some thousand steps."""
UNIT, SPEED = 10.0, 4.0
"""log_threshold counts in `UNIT`s of log(threshold), which Adam moves `SPEED` times as fast as other parameters [ours].

Slower, as many active features leave a larger error; faster, more features die (docs/results.md)."""


class _Step(torch.autograd.Function):
    """H(pre − θ); the backward pass gives θ the gradient of a rectangle and pre none."""

    @staticmethod
    def forward(ctx, pre_bm, threshold_m, bandwidth):
        ctx.save_for_backward(pre_bm, threshold_m)
        ctx.bandwidth = bandwidth
        return (pre_bm > threshold_m).to(pre_bm.dtype)

    @staticmethod
    def backward(ctx, gradient_bm):
        pre_bm, threshold_m = ctx.saved_tensors
        near_bm = (pre_bm - threshold_m).abs() < ctx.bandwidth / 2
        return None, -(gradient_bm * near_bm).sum(0) / ctx.bandwidth, None


class JumpReLU(Dictionary):
    """JumpReLU dictionary. log_threshold: [m], log(threshold) / `UNIT`, so that the threshold is always positive."""

    learning_rate_factors: ClassVar[dict[str, float]] = {"log_threshold": SPEED / UNIT}

    def __init__(self, config: DictionaryConfig, channels: int, group: Transformations):
        super().__init__(config, channels, group)
        length = math.sqrt(self.block_count) if self.reads_all_blocks else 1.0
        self.bandwidth = BANDWIDTH * length
        self.log_threshold = nn.Parameter(torch.full((config.features,), math.log(FIRST_THRESHOLD * length) / UNIT))

    @property
    def threshold_m(self) -> Tensor:
        return (UNIT * self.log_threshold).exp()

    def encode_active(self, z_gbd: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            pre_bm = self.pre_activations(self.encoder_input(z_gbd))
            return from_dense(torch.where(pre_bm > self.threshold_m, pre_bm, 0.0))

    def loss(self, x_gbd: Tensor, dead_m: Tensor | None = None, done: float = 1.0) -> Loss:
        z_gbd = x_gbd * self.scale
        target = self.target(z_gbd)
        pre_bm = self.pre_activations(self.encoder_input(z_gbd))
        step_bm = _Step.apply(pre_bm, self.threshold_m, self.bandwidth)
        f_bm = pre_bm * step_bm
        reconstruction = target.mean_square(target.rows_qbd - self.decode_scaled(f_bm))
        l0 = step_bm.sum(1).mean()
        # divided like the error, a mean over channels: λ weighs one active feature against the error of one channel
        total = reconstruction + warmed_up(self.config.sparsity, done) * l0 / self.channels
        return self.dense_loss(total, reconstruction, l0, f_bm)
