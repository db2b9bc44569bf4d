"""Group lasso: features of several dimensions under a penalty on their norms (after arXiv 2606.25234; Yuan & Lin 2006).

The code of a feature is shrunk towards 0 by its threshold θ_B, as in the proximal step of the group lasso:
p_B · max(0, 1 − θ_B / ‖p_B‖). θ_B is learned [ours]; it starts at the median of ‖p_B‖. The penalty is λ Σ_B ‖p_B W_B‖,
averaged over rows and divided by the number of channels.
"""

import torch
from torch import Tensor, nn

from tasks.dictionary.base import Loss, warmed_up
from tasks.dictionary.block_topk import SMALLEST, BlockSparse
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.sparse import from_dense
from tasks.symmetry.transformations import Transformations


class GroupLasso(BlockSparse):
    """log_threshold: [m], the logarithm of θ."""

    def __init__(self, config: DictionaryConfig, channels: int, group: Transformations):
        super().__init__(config, channels, group)
        self.log_threshold = nn.Parameter(torch.zeros(config.features))

    def codes(self, z_gbd: Tensor) -> tuple[Tensor, Tensor]:
        """Return the codes [b, a] of scaled rows, and whether features are active, [b, m]."""
        pre_bmj = self.pre_activations(self.encoder_input(z_gbd)).unflatten(1, (-1, self.config.atom_dimension))
        norms_bm = _norms(pre_bmj)
        kept_bm = (1 - self.log_threshold.exp() / norms_bm).relu()
        return (pre_bmj * kept_bm[:, :, None]).flatten(1), kept_bm.detach() > 0

    def encode_active(self, z_gbd: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            code_ba, active_bm = self.codes(z_gbd)
            _, features_bk = from_dense(active_bm.float())
            indices_bk = self.atoms_of(features_bk)
            return code_ba.gather(1, indices_bk), indices_bk

    def loss(self, x_gbd: Tensor, dead_m: Tensor | None = None, done: float = 1.0) -> Loss:
        z_gbd = x_gbd * self.scale
        target = self.target(z_gbd)
        code_ba, active_bm = self.codes(z_gbd)
        reconstruction = target.mean_square(target.rows_qbd - self.decode_scaled(code_ba))
        sparsity = (self.added_norms(code_ba) * active_bm).sum(1).mean() / self.channels
        total = reconstruction + warmed_up(self.config.sparsity, done) * sparsity
        return self.dense_loss(total, reconstruction, sparsity, active_bm.float())

    @torch.no_grad()
    def initialise(self, rows_gbd: Tensor) -> None:
        self.log_threshold.fill_(-torch.inf)  # the common factor of the decoder is that of codes that aren't shrunk
        super().initialise(rows_gbd)
        z_gbd = rows_gbd[:, : self.config.batch_size] * self.scale
        pre_bmj = self.pre_activations(self.encoder_input(z_gbd)).unflatten(1, (-1, self.config.atom_dimension))
        self.log_threshold.copy_(_norms(pre_bmj).median(0).values.log())


def _norms(pre_bmj: Tensor) -> Tensor:
    """Return ‖p_B‖, [b, m], with a gradient of 0 where it is 0."""
    return pre_bmj.square().sum(2).clamp_min(SMALLEST).sqrt()
