"""What all dictionaries share: the two architectures, the contract encode, decode, loss, and the start from data.

Notation (paper "symmetry" §3): a row x is one activation vector (SAE, one block) or an orbit of |G| vectors (group
crosscoder, |G| blocks). z = scale · x with E‖z_g‖ = √d, features f ≥ 0, reconstruction ẑ_g = f W_dec^g + b_dec^g.

* SAE: pre = W_enc (z − b_dec) + b_enc.
* Group crosscoder: pre = W_enc z_e + b_enc from the identity block, or Σ_g W_enc^g z_g + b_enc from the whole orbit;
  one code explains what the layer holds under all |G| transforms. Loss: the mean over blocks of the squared error,
  which is Σ_g ‖z_g − ẑ_g‖² up to a constant.

How f comes of `pre` and what is added to the loss is the method's to say: topk.py, relu.py, … one file a method.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.sparse import residual, to_dense


@dataclass(frozen=True)
class Loss:
    """Parts of a batch's loss, and what fired. total is what is minimised, the other scalars are without gradient.

    reconstruction: mean over rows, blocks and channels of (z − ẑ)²; sparsity: the method's penalty, unweighted;
    auxiliary: what it adds against dead features, unweighted; l0: active features per row; fired_m: active on some row.
    """

    total: Tensor
    reconstruction: Tensor
    sparsity: Tensor
    auxiliary: Tensor
    l0: Tensor
    fired_m: Tensor


class Affine(nn.Module):
    """A weight and a bias; which product they stand in is the dictionary's to say."""

    def __init__(self, weight: tuple[int, ...], bias: tuple[int, ...]):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(weight))
        self.bias = nn.Parameter(torch.zeros(bias))


class Dictionary(nn.Module, ABC):
    """A dictionary of m features whose elements are `block_count` vectors of d channels.

    encoder.weight: [m, d], or [blocks, m, d] where the encoder reads every block; encoder.bias: [m]
    decoder.weight: [blocks, m, d]; decoder.bias: [blocks, d]; scale: []
    """

    scale: Tensor

    def __init__(self, config: DictionaryConfig, channels: int, group_order: int):
        super().__init__()
        self.config, self.channels = config, channels
        self.is_crosscoder = config.architecture == "group-crosscoder"
        self.block_count = group_order if self.is_crosscoder else 1
        self.reads_all_blocks = config.reads_all_blocks
        vectors = (config.features, channels)
        self.encoder = Affine((group_order, *vectors) if self.reads_all_blocks else vectors, (config.features,))
        self.decoder = Affine((self.block_count, *vectors), (self.block_count, channels))
        self.register_buffer("scale", torch.ones(()))

    # What a method says ---------------------------------------------------------------------------------------------

    @abstractmethod
    def encode_active(self, z_gbd: Tensor) -> tuple[Tensor, Tensor]:
        """Codes (values_bk ≥ 0, indices_bk) of scaled rows, without gradient; k: as many as the fullest row needs."""

    @abstractmethod
    def loss(self, x_gbd: Tensor, dead_m: Tensor | None = None, done: float = 1.0) -> Loss:
        """Loss of a batch in blocks-first layout.

        dead_m [m]: features that have not fired for long; done: share of the training that lies behind.
        """

    # The contract ---------------------------------------------------------------------------------------------------

    def encode(self, x: Tensor) -> Tensor:
        """Features [b, m] of rows x: [b, d] (SAE) or [b, |G|, d] (group crosscoder), element e first."""
        x_gbd = x.transpose(0, 1) if self.is_crosscoder else x[None]
        return to_dense(*self.encode_active(x_gbd * self.scale), self.config.features)

    def decode(self, f_bm: Tensor) -> Tensor:
        """Rows from features, dense: [b, m] -> [b, blocks, d]. The reference of the sparse decoder."""
        return (torch.einsum("bm,gmd->bgd", f_bm, self.decoder.weight) + self.decoder.bias) / self.scale

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

    # What methods build on ------------------------------------------------------------------------------------------

    def encoder_input(self, z_gbd: Tensor) -> Tensor:
        """The blocks that the encoder reads, [h, b, d]."""
        if not self.is_crosscoder:
            # b_dec learns from the decoder alone; through the encoder b_enc does the same work
            return z_gbd - self.decoder.bias.detach()[:, None]
        return z_gbd if self.reads_all_blocks else z_gbd[:1]

    def encoder_weight_hmd(self) -> Tensor:
        return self.encoder.weight.view(-1, self.config.features, self.channels)

    def pre_activations(self, read_hbd: Tensor) -> Tensor:
        """pre [b, m] of the blocks that the encoder reads; float32 under autocast too."""
        pre_bm = self.encoder.bias.expand(read_hbd.shape[1], -1)
        for read_bd, weight_md in zip(read_hbd, self.encoder_weight_hmd(), strict=True):
            pre_bm = torch.addmm(pre_bm, read_bd, weight_md.T).float()
        return pre_bm

    def decode_scaled(self, f_bm: Tensor) -> Tensor:
        """ẑ [blocks, b, d] from dense features; float32 under autocast too."""
        return (f_bm @ self.decoder.weight).float() + self.decoder.bias[:, None]

    def feature_norms(self) -> Tensor:
        """Σ_g ‖W_dec,i^g‖ of every feature, [m]."""
        return self.decoder.weight.norm(dim=2).sum(0)

    def dense_loss(self, total: Tensor, reconstruction: Tensor, sparsity: Tensor, f_bm: Tensor) -> Loss:
        """A `Loss` with what is counted from dense features; without auxiliary part."""
        active_bm = f_bm.detach() > 0
        return Loss(
            total=total,
            reconstruction=reconstruction.detach(),
            sparsity=sparsity.detach(),
            auxiliary=reconstruction.new_zeros(()),
            l0=active_bm.sum() / len(f_bm),
            fired_m=active_bm.any(0),
        )


WARM_UP_SHARE = 0.05


def warmed_up(sparsity: float, done: float) -> float:
    """λ, grown linearly over the first `WARM_UP_SHARE` of the training (methods §3)."""
    return sparsity * min(1.0, done / WARM_UP_SHARE)
