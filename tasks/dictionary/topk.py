"""TopK (Gao et al. 2024): f = TopK(relu(pre), k). The auxiliary loss AuxK revives dead features.

In training the k features with the largest contribution are kept, pre · ‖W_dec‖, as in SAELens. The norm of W_dec is
free: where features are chosen by `pre` alone, those whose decoder has become short keep their place though they
reconstruct little. `finish` then multiplies the encoder by the norm and divides the decoder by it, so that a stored
dictionary keeps the k largest pre-activations.
"""

import torch
from torch import Tensor

from tasks.dictionary.base import Dictionary, Loss, Target
from tasks.dictionary.sparse import top_k


class TopK(Dictionary):
    """Keep the k largest contributions of each row, where positive. Decoding costs time proportional to k, not m."""

    def encode_active(self, z_gbd: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            values_bk, indices_bk = top_k(self.pre_activations(self.encoder_input(z_gbd)), self.config.k)
        return values_bk.relu_(), indices_bk

    def loss(self, x_gbd: Tensor, dead_m: Tensor | None = None, done: float = 1.0) -> Loss:
        z_gbd = x_gbd * self.scale
        read_hbd, target = self.encoder_input(z_gbd), self.target(z_gbd)
        with torch.no_grad():
            pre_bm = self.pre_activations(read_hbd)
            contribution_bm = pre_bm * self.contributions()
            kept_bk, indices_bk = self.choose(contribution_bm)
        values_bk = self.pre_activations_at(read_hbd, pre_bm, indices_bk).relu() * kept_bk
        reconstruction, error_qbd = self.reconstruct(target, values_bk, indices_bk)
        auxiliary = self._auxiliary(read_hbd, pre_bm, contribution_bm, target, error_qbd, dead_m)
        values_bk = values_bk.detach()
        fired_m = torch.zeros(self.config.features, dtype=torch.bool, device=values_bk.device)
        fired_m[indices_bk[values_bk > 0]] = True
        return Loss(
            total=reconstruction + self.config.auxiliary_coefficient * auxiliary,
            reconstruction=target.mean_square(error_qbd),
            sparsity=values_bk.new_zeros(()),
            auxiliary=auxiliary.detach(),
            l0=(values_bk > 0).sum() / len(values_bk),
            fired_m=fired_m,
        )

    @torch.no_grad()
    def finish(self) -> None:
        """Give every feature's decoder the norm 1, as a mean over blocks, and its encoder the former norm."""
        norm_m1 = self.contributions()[:: 1 if self.turns is None else self.turns.order, None]
        self.encoder.weight.mul_(norm_m1)
        self.encoder.bias.mul_(norm_m1[:, 0])
        self.decoder.weight.div_(norm_m1.clamp_min(1e-12))

    # Overridden in batchtopk.py and matryoshka.py ---------------------------------------------------------------------

    def choose(self, contribution_bm: Tensor) -> tuple[Tensor, Tensor]:
        """Choose the features kept in training: (kept_bk, indices_bk); kept is 1, or 0 for a candidate not kept."""
        values_bk, indices_bk = top_k(contribution_bm, self.config.k)
        return torch.ones_like(values_bk), indices_bk

    def reconstruct(self, target: Target, values_bk: Tensor, indices_bk: Tensor) -> tuple[Tensor, Tensor]:
        """Return the reconstruction loss, and the residual of the whole dictionary without gradient, [q, b, d]."""
        error_qbd = self.target_residual(target.rows_qbd, values_bk, indices_bk)
        return target.mean_square(error_qbd), error_qbd.detach()

    # ----------------------------------------------------------------------------------------------------------------

    def _auxiliary(
        self,
        read_hbd: Tensor,
        pre_bm: Tensor,
        contribution_bm: Tensor,
        target: Target,
        error_qbd: Tensor,
        dead_m: Tensor | None,
    ) -> Tensor:
        """Return AuxK: the mean squared error of reconstructing the residual from the most active dead features.

        Each row uses its `auxiliary_k` dead features with the largest contributions.
        """
        if dead_m is not None and self.turns is not None:
            dead_m = self.turns.whole_prototypes(dead_m)
        dead = error_qbd.new_zeros(0, dtype=torch.int64) if dead_m is None else dead_m.nonzero()[:, 0]
        if not len(dead) or not self.config.auxiliary_k:
            return error_qbd.new_zeros(())
        with torch.no_grad():
            _, places_bk = top_k(contribution_bm[:, dead], min(self.config.auxiliary_k, len(dead)))
            dead_bk = dead[places_bk]
        dead_values_bk = self.pre_activations_at(read_hbd, pre_bm, dead_bk).relu()
        return target.mean_square(self.target_residual(error_qbd, dead_values_bk, dead_bk, bias=False))
