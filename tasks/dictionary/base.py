"""What all dictionaries share: the contract encode, decode, loss; TopK with AuxK; initial features taken from data.

Notation (methods: paper "symmetry" §3 and Gao et al. 2024 for TopK and AuxK): a row x is one activation vector
(SAE, one block) or an orbit of |G| vectors (group crosscoder, |G| blocks). z = scale · x with E‖z_g‖ = √d.
f = TopK(relu(pre(z)), k) and ẑ_g = f W_dec^g + b_dec^g.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.sparse import pre_activations_at, residual, to_dense, top_k


@dataclass(frozen=True)
class Loss:
    """Parts of a loss (scalars, in units of z² per block and channel) and the codes it was computed from."""

    total: Tensor
    reconstruction: Tensor
    auxiliary: Tensor
    values_bk: Tensor
    indices_bk: Tensor


class Affine(nn.Module):
    """A weight and a bias; which product they stand in is the dictionary's to say."""

    def __init__(self, weight: tuple[int, ...], bias: tuple[int, ...]):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(weight))
        self.bias = nn.Parameter(torch.zeros(bias))


class Dictionary(nn.Module, ABC):
    """A TopK dictionary of m features whose elements are `blocks` vectors of d channels.

    encoder.weight: [m, d], or [blocks, m, d] where the encoder reads every block; encoder.bias: [m]
    decoder.weight: [blocks, m, d]; decoder.bias: [blocks, d]; scale: []
    """

    scale: Tensor

    def __init__(self, config: DictionaryConfig, channels: int, blocks: int, reads_all_blocks: bool):
        super().__init__()
        self.config, self.channels, self.block_count = config, channels, blocks
        self.reads_all_blocks = reads_all_blocks
        encoder_shape = (blocks, config.features, channels) if reads_all_blocks else (config.features, channels)
        self.encoder = Affine(encoder_shape, (config.features,))
        self.decoder = Affine((blocks, config.features, channels), (blocks, channels))
        self.register_buffer("scale", torch.ones(()))

    # What a subclass says -------------------------------------------------------------------------------------------

    @abstractmethod
    def rows_to_blocks(self, x: Tensor) -> Tensor:
        """Public row layout -> [blocks, b, d]."""

    @abstractmethod
    def encoder_input(self, z_gbd: Tensor) -> Tensor:
        """The blocks that the encoder reads, [h, b, d]."""

    # The contract ---------------------------------------------------------------------------------------------------

    def encode_active(self, z_gbd: Tensor) -> tuple[Tensor, Tensor]:
        """Codes (values_bk ≥ 0, indices_bk) of scaled rows, without gradient."""
        with torch.no_grad():
            values_bk, indices_bk = top_k(self._pre_activations(self.encoder_input(z_gbd)), self.config.k)
        return values_bk.relu_(), indices_bk

    def encode(self, x: Tensor) -> Tensor:
        """Features [b, m] of rows x: [b, d] (SAE) or [b, |G|, d] (group crosscoder)."""
        return to_dense(*self.encode_active(self.rows_to_blocks(x) * self.scale), self.config.features)

    def decode(self, f_bm: Tensor) -> Tensor:
        """Rows from features, dense: [b, m] -> [b, blocks, d]. The reference of the sparse decoder."""
        return (torch.einsum("bm,gmd->bgd", f_bm, self.decoder.weight) + self.decoder.bias) / self.scale

    def loss(self, x_gbd: Tensor, dead_m: Tensor | None = None) -> Loss:
        """Loss of a batch in blocks-first layout.

        Reconstruction: mean over rows, blocks and channels of (z − ẑ)². AuxK: the same of the residual against its
        reconstruction by the `auxiliary_k` most active of the features marked in `dead_m` [m].
        """
        z_gbd = x_gbd * self.scale
        read_hbd = self.encoder_input(z_gbd)
        with torch.no_grad():
            pre_bm = self._pre_activations(read_hbd)
            _, indices_bk = top_k(pre_bm, self.config.k)
        values_bk = self._pre_activations_at(read_hbd, pre_bm, indices_bk).relu()
        error_gbd = residual(z_gbd, values_bk, indices_bk, self.decoder.weight, self.decoder.bias)
        reconstruction = error_gbd.square().mean()

        auxiliary = reconstruction.new_zeros(())
        dead_count = 0 if dead_m is None else int(dead_m.sum())
        if dead_count and self.config.auxiliary_k:
            with torch.no_grad():
                _, dead_bk = top_k(pre_bm.masked_fill(~dead_m, -torch.inf), min(self.config.auxiliary_k, dead_count))
            dead_values_bk = self._pre_activations_at(read_hbd, pre_bm, dead_bk).relu()
            no_bias_gd = torch.zeros_like(self.decoder.bias)
            left_gbd = residual(error_gbd.detach(), dead_values_bk, dead_bk, self.decoder.weight, no_bias_gd)
            auxiliary = left_gbd.square().mean()

        total = reconstruction + self.config.auxiliary_coefficient * auxiliary
        return Loss(total, reconstruction.detach(), auxiliary.detach(), values_bk.detach(), indices_bk)

    def blocks(self) -> Tensor:
        """Transform blocks of every feature, [m, blocks, d], in units of z per unit of f."""
        return self.decoder.weight.detach().transpose(0, 1)

    # Start ----------------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def initialise(self, rows_gbd: Tensor) -> None:
        """Set scale, biases and features from m rows of data [ours].

        Feature i starts as row i's deviation from the mean: its encoder reads that direction, its decoder writes that
        row's whole orbit; one factor for all then makes the first reconstruction the best it can be. A feature that
        training never touches so stays a real orbit and not an arbitrary one; `dead` tells it apart.
        """
        self.scale.copy_(self.channels**0.5 / rows_gbd.norm(dim=2).mean())
        z_gbd = rows_gbd * self.scale
        self.decoder.bias.copy_(z_gbd.mean(1))
        deviation_gbd = z_gbd - self.decoder.bias[:, None]
        read_hbd = self.encoder_input(z_gbd)
        direction_hbd = read_hbd - read_hbd.mean(1, keepdim=True)
        norm_b = direction_hbd.square().sum((0, 2)).sqrt().clamp_min(1e-6)
        direction_hbd = direction_hbd / norm_b[:, None]
        self.encoder.weight.copy_(direction_hbd.view_as(self.encoder.weight))
        self.encoder.bias.copy_(-torch.einsum("hmd,hd->m", direction_hbd, read_hbd.mean(1)))
        self.decoder.weight.copy_(deviation_gbd / norm_b[:, None])

        sample_gbd = z_gbd[:, : self.config.batch_size]
        values_bk, indices_bk = self.encode_active(sample_gbd)
        target_gbd = deviation_gbd[:, : self.config.batch_size]
        none_gd = torch.zeros_like(self.decoder.bias)
        decoded_gbd = target_gbd - residual(target_gbd, values_bk, indices_bk, self.decoder.weight, none_gd)
        self.decoder.weight *= (decoded_gbd * target_gbd).sum() / decoded_gbd.square().sum().clamp_min(1e-12)

    # Inside ---------------------------------------------------------------------------------------------------------

    def _encoder_weight_hmd(self) -> Tensor:
        return self.encoder.weight.view(-1, self.config.features, self.channels)

    def _pre_activations(self, read_hbd: Tensor) -> Tensor:
        pre_bm = self.encoder.bias.expand(read_hbd.shape[1], -1)
        for read_bd, weight_md in zip(read_hbd, self._encoder_weight_hmd(), strict=True):
            pre_bm = torch.addmm(pre_bm, read_bd, weight_md.T)
        return pre_bm

    def _pre_activations_at(self, read_hbd: Tensor, pre_bm: Tensor, indices_bk: Tensor) -> Tensor:
        return pre_activations_at(read_hbd, self._encoder_weight_hmd(), self.encoder.bias, pre_bm, indices_bk)
