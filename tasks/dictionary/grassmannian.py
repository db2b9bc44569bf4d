"""Grassmannian block-sparse SAE: a feature is a subspace, and its code a projection (after arXiv 2606.25234).

The b atoms of a feature are orthonormal: a QR decomposition restores that after every step. The encoder is tied,
p_B = γ_B W_B (z − b_dec) + b_enc,B, with a gain γ_B per feature, since several subspaces share a row [ours]. Which
features are active and what the loss contains is as in block_topk.py.
"""

import torch
from torch import Tensor, nn

from tasks.dictionary.block_topk import BlockTopK
from tasks.dictionary.config import DictionaryConfig
from tasks.symmetry.transformations import Transformations


class TiedEncoder(nn.Module):
    """gain: [m]; bias: [a]."""

    def __init__(self, features: int, atoms: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(atoms))


class Grassmannian(BlockTopK):
    """A dictionary of subspaces."""

    encoder: TiedEncoder  # type: ignore[assignment]  # in place of a weight of its own

    def __init__(self, config: DictionaryConfig, channels: int, group: Transformations):
        super().__init__(config, channels, group)
        self.encoder = TiedEncoder(config.features, config.atoms)

    def encoder_weight_hmd(self) -> Tensor:
        return self.decoder.weight * self.encoder.gain.repeat_interleave(self.config.atom_dimension)[:, None]

    @torch.no_grad()
    def initialise(self, rows_gbd: Tensor) -> None:
        start = BlockTopK(self.config, self.channels, self.group)
        start.scale.copy_(self.scale)
        start.initialise(rows_gbd)
        for name in ("decoder.bias", "decoder.weight"):
            self.state_dict()[name].copy_(start.state_dict()[name])
        # a tied encoder of unit vectors: what `start` has as the norm of its atoms is the gain
        self.encoder.gain.copy_(
            start.decoder.weight[0].norm(dim=1).unflatten(0, (-1, self.config.atom_dimension)).mean(1)
        )
        self.after_step()

    @torch.no_grad()
    def after_step(self) -> None:
        """Make the atoms of each feature orthonormal again; their span stays."""
        basis_mdj, upper_mjj = torch.linalg.qr(self.blocks().transpose(1, 2))
        # the sign that QR leaves open: atoms keep their direction, and Adam's moments their meaning
        sign_mj = torch.where(upper_mjj.diagonal(dim1=1, dim2=2) < 0, -1.0, 1.0)
        self.decoder.weight.copy_((basis_mdj * sign_mj[:, None]).transpose(1, 2).reshape_as(self.decoder.weight))
