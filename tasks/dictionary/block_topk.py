"""Block TopK: features of several dimensions, the k largest of each row are kept (after arXiv 2606.25234, "vanilla").

The atoms of a feature are the rows of W_B. Its code is p_B = W_enc,B (z − b_dec) + b_enc,B, of any sign. What it adds
to the reconstruction is p_B W_B, and the norm of that is its activation: it depends on no basis of the feature's span.
"""

import torch
from torch import Tensor

from tasks.dictionary.base import Dictionary, Loss, Target
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.sparse import pre_activations_at, residual, top_k
from tasks.errors import UserError
from tasks.symmetry.transformations import Transformations

SMALLEST = 1e-12


class BlockSparse(Dictionary):
    """What the block-sparse methods share. Letters: m features, b rows, j atoms of one feature, a atoms of all."""

    def __init__(self, config: DictionaryConfig, channels: int, group: Transformations):
        """Raises UserError if a feature has more dimensions than the layer has channels."""
        if config.atom_dimension > channels:
            raise UserError(
                f"atom_dimension = {config.atom_dimension} is more than the layer's {channels} channels: lower it"
            )
        super().__init__(config, channels, group)

    def activations(self, values_bk: Tensor, indices_bk: Tensor) -> tuple[Tensor, Tensor]:
        dimension = self.config.atom_dimension
        features_bk = indices_bk[:, ::dimension] // dimension
        products_mjj = self.products()[features_bk]
        values_bkj = values_bk.unflatten(1, (-1, dimension))
        return torch.einsum("bki,bkij,bkj->bk", values_bkj, products_mjj, values_bkj).clamp_min(0).sqrt(), features_bk

    def blocks(self) -> Tensor:
        return self.decoder.weight.detach()[0].unflatten(0, (-1, self.config.atom_dimension))

    def products(self) -> Tensor:
        """Return the scalar products of the atoms of each feature, W_B W_Bᵀ, [m, j, j]; float32 under autocast too."""
        atoms_mjd = self.decoder.weight[0].unflatten(0, (-1, self.config.atom_dimension))
        with torch.autocast(atoms_mjd.device.type, enabled=False):
            return atoms_mjd @ atoms_mjd.transpose(1, 2)

    def added_norms(self, code_ba: Tensor) -> Tensor:
        """Return ‖p_B W_B‖ of every feature, [b, m], with a gradient of 0 where it is 0."""
        code_bmj = code_ba.unflatten(1, (-1, self.config.atom_dimension))
        return torch.einsum("bmi,mij,bmj->bm", code_bmj, self.products(), code_bmj).clamp_min(SMALLEST).sqrt()

    def atoms_of(self, features_bk: Tensor) -> Tensor:
        """Return the indices of the atoms of features, [b, k · j]."""
        dimension = self.config.atom_dimension
        return (features_bk[:, :, None] * dimension + torch.arange(dimension, device=features_bk.device)).flatten(1)


class BlockTopK(BlockSparse):
    """Keep the k features of each row that add most to the reconstruction."""

    def encode_active(self, z_gbd: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            code_ba = self.pre_activations(self.encoder_input(z_gbd))
            _, features_bk = top_k(self.added_norms(code_ba), self.config.k)
            indices_bk = self.atoms_of(features_bk)
            return code_ba.gather(1, indices_bk), indices_bk

    def loss(self, x_gbd: Tensor, dead_m: Tensor | None = None, done: float = 1.0) -> Loss:
        z_gbd = x_gbd * self.scale
        read_hbd, target = self.encoder_input(z_gbd), self.target(z_gbd)
        with torch.no_grad():
            code_ba = self.pre_activations(read_hbd)
            norms_bm = self.added_norms(code_ba)
            _, features_bk = top_k(norms_bm, self.config.k)
        error_qbd = self._error(read_hbd, target.rows_qbd, code_ba, features_bk, self.decoder.bias)
        reconstruction = target.mean_square(error_qbd)
        auxiliary = self._auxiliary(read_hbd, target, code_ba, norms_bm, error_qbd.detach(), dead_m)
        fired_m = torch.zeros(self.config.features, dtype=torch.bool, device=z_gbd.device)
        fired_m[features_bk] = True
        return Loss(
            total=reconstruction + self.config.auxiliary_coefficient * auxiliary,
            reconstruction=reconstruction.detach(),
            sparsity=reconstruction.new_zeros(()),
            auxiliary=auxiliary.detach(),
            l0=reconstruction.new_tensor(float(self.config.k)),
            fired_m=fired_m,
        )

    def _error(
        self, read_hbd: Tensor, rows_qbd: Tensor, code_ba: Tensor, features_bk: Tensor, bias_qd: Tensor
    ) -> Tensor:
        """Return what the given features leave of rows [q, b, d]."""
        indices_bk = self.atoms_of(features_bk)
        values_bk = pre_activations_at(read_hbd, self.encoder_weight_hmd(), self.encoder.bias, code_ba, indices_bk)
        return residual(rows_qbd, values_bk, indices_bk, self.decoder.weight, bias_qd)

    def _auxiliary(
        self,
        read_hbd: Tensor,
        target: Target,
        code_ba: Tensor,
        norms_bm: Tensor,
        error_qbd: Tensor,
        dead_m: Tensor | None,
    ) -> Tensor:
        """Return AuxK as in topk.py: dead features reconstruct the residual, those that would add most to each row."""
        dead = error_qbd.new_zeros(0, dtype=torch.int64) if dead_m is None else dead_m.nonzero()[:, 0]
        if not len(dead) or not self.config.auxiliary_k:
            return error_qbd.new_zeros(())
        _, places_bk = top_k(norms_bm[:, dead], min(self.config.auxiliary_k, len(dead)))
        no_bias_qd = torch.zeros_like(self.decoder.bias)
        return target.mean_square(self._error(read_hbd, error_qbd, code_ba, dead[places_bk], no_bias_qd))
