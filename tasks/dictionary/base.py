"""The base class of all dictionaries: all architectures, encode, decode, loss, and initialisation from data.

Notation (paper "symmetry" §3): a row x is one activation vector (SAE, one block) or an orbit of |G| vectors (group
crosscoder, |G| blocks). z = scale · x with E‖z_g‖ = √d, features f ≥ 0, reconstruction ẑ_g = f W_dec^g + b_dec^g.

* SAE: pre = W_enc (z − b_dec) + b_enc.
* Group crosscoder: pre = W_enc z_e + b_enc from the identity block, or Σ_g W_enc^g z_g + b_enc from the whole orbit.
  One code explains the layer's activations under all |G| transforms. The loss is the mean over blocks of the squared
  error, which is Σ_g ‖z_g − ẑ_g‖² up to a constant.
* Band-limited group crosscoder (`harmonics`) [ours]: W_dec and b_dec are coefficients of the orthonormal basis B of
  tasks/symmetry/fourier.py, blocks = B · coefficients. The decoder then reconstructs Bᵀz, which has fewer vectors than
  |G|. Σ_g ‖z_g − ẑ_g‖² is the error of the coefficients plus the energy of z beyond the band, which no decoder can
  reconstruct.

* Steerable crosscoder [ours]: a group crosscoder whose features are the turned copies of prototypes (steering.py).

The method computes f from `pre` and adds its terms to the loss. Each method has its own file: topk.py, relu.py, …

A decoder vector of a feature is an atom. All features have one atom, and their code is f, except in the block-sparse
methods: there a feature has `atom_dimension` atoms, its code is a signed vector, and f is the norm of what it adds to
the reconstruction. Below, a counts atoms and m features; with one atom per feature they are the same.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.sparse import pre_activations_at, residual, to_dense
from tasks.dictionary.steering import Turns, steered_pre_activations_at, steered_residual
from tasks.symmetry.fourier import fourier_basis
from tasks.symmetry.group import DihedralGroup
from tasks.symmetry.transformations import Transformations


@dataclass(frozen=True)
class Loss:
    """The parts of a batch's loss, and which features fired. Only `total`, which is minimised, carries a gradient.

    reconstruction: mean over rows, blocks and channels of (z − ẑ)²
    sparsity: the method's penalty, unweighted
    auxiliary: the method's loss term against dead features, unweighted
    l0: active features per row
    fired_m: [m], whether the feature is active on some row
    """

    total: Tensor
    reconstruction: Tensor
    sparsity: Tensor
    auxiliary: Tensor
    l0: Tensor
    fired_m: Tensor


@dataclass(frozen=True)
class Target:
    """The reconstruction target of a batch.

    rows_qbd: z [|G|, b, d]; for a band-limited decoder the coefficients of z, [Q, b, d]
    share: Q / |G|
    beyond: the energy of z beyond the band, as a mean over rows, blocks and channels
    """

    rows_qbd: Tensor
    share: float = 1.0
    beyond: Tensor | float = 0.0

    def mean_square(self, error_qbd: Tensor) -> Tensor:
        """Return the mean over rows, blocks and channels of (z − ẑ)², given the residual of `rows_qbd`."""
        return error_qbd.square().mean() * self.share + self.beyond


SMALL = 0.1


class Affine(nn.Module):
    """A weight and a bias, both 0 at first. The dictionary defines in which product they are used."""

    def __init__(self, weight: tuple[int, ...], bias: tuple[int, ...]):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(weight))
        self.bias = nn.Parameter(torch.zeros(bias))


class Dictionary(nn.Module, ABC):
    """A dictionary of m features. The decoder writes `block_count` vectors of d channels per atom.

    encoder.weight: [a, d], or [q, a, d] where the encoder reads every block; encoder.bias: [a]
    decoder.weight: [q, a, d]; decoder.bias: [q, d]; scale: []
    q: the number of blocks, or of their coefficients in the band
    basis_gq: [|G|, q], or None where the blocks are free parameters
    turns: the turns of a steerable crosscoder's prototypes, else None. encoder.weight and decoder.weight are then those
    of p prototypes, [q, p, d], encoder.bias is [p], and decoder.bias is that of every block, [1, d]

    An SAE has one block, whatever the group.
    """

    scale: Tensor
    basis_gq: Tensor | None
    cuts_gradients: bool = False
    """Whether training cuts gradients of the loss, summed over blocks and channels, to the norm 1, as SAELens does."""
    encoder_moves_bias: bool = False
    """Whether an SAE's b_dec gets a gradient through the encoder too, as in SAELens.

    b_enc can learn the same shift. Without this gradient, Gated left twice the error at equal L0 (docs/results.md).
    """

    learning_rate_factors: ClassVar[Mapping[str, float]] = {}
    """{parameter: the factor on its learning rate}, of parameters whose factor isn't 1."""

    def __init__(self, config: DictionaryConfig, channels: int, group: Transformations):
        super().__init__()
        self.config, self.channels = config, channels
        self.is_crosscoder = config.is_crosscoder
        self.group: Transformations = group if self.is_crosscoder else DihedralGroup(1, reflections=False)
        self.block_count = rows = self.group.order
        self.reads_all_blocks = config.reads_all_blocks
        basis_gq = None
        if config.harmonics is not None:
            basis_gq = torch.from_numpy(fourier_basis(self.group, config.harmonics)).float()
            rows = basis_gq.shape[1]
        self.turns = Turns(self.group, config.prototypes(self.group)) if config.is_steerable else None
        written = config.atoms if self.turns is None else self.turns.prototypes
        vectors = (written, channels)
        self.encoder = Affine((rows, *vectors) if self.reads_all_blocks else vectors, (written,))
        self.decoder = Affine((rows, *vectors), (rows if self.turns is None else 1, channels))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("basis_gq", basis_gq, persistent=False)

    # Defined by each method -----------------------------------------------------------------------------------------

    @abstractmethod
    def encode_active(self, z_gbd: Tensor) -> tuple[Tensor, Tensor]:
        """Return the codes (values_bk, indices_bk) of scaled rows, without gradient. Indices are those of atoms.

        k is the largest number of active atoms of any row of the batch. With one atom per feature, values are ≥ 0.
        """

    @abstractmethod
    def loss(self, x_gbd: Tensor, dead_m: Tensor | None = None, done: float = 1.0) -> Loss:
        """Return the loss of a batch x_gbd [blocks, b, d].

        dead_m: [m], True for features that count as dead; done: the share of the training steps already taken, 0 to 1.
        """

    # Encoding and decoding ------------------------------------------------------------------------------------------

    def encode(self, x: Tensor) -> Tensor:
        """Return features [b, m] of rows x: [b, d] (SAE) or [b, |G|, d] (group crosscoder, identity block first)."""
        x_gbd = x.transpose(0, 1) if self.is_crosscoder else x[None]
        return to_dense(*self.activations(*self.encode_active(x_gbd * self.scale)), self.config.features)

    def code(self, x: Tensor) -> Tensor:
        """Return the codes [b, a] of rows x as in `encode`; with one atom per feature, these are the features."""
        x_gbd = x.transpose(0, 1) if self.is_crosscoder else x[None]
        return to_dense(*self.encode_active(x_gbd * self.scale), self.config.atoms)

    def activations(self, values_bk: Tensor, indices_bk: Tensor) -> tuple[Tensor, Tensor]:
        """Return which features are active, and how much: (f_bk ≥ 0, features_bk) of the codes of `encode_active`."""
        return values_bk, indices_bk

    def decode(self, code_ba: Tensor) -> Tensor:
        """Reconstruct rows [b, blocks, d] from dense codes [b, a]. The sparse decoder is tested against this."""
        weight_gad, bias_gd = self.decoder_blocks()
        return (torch.einsum("ba,gad->bgd", code_ba, weight_gad) + bias_gd) / self.scale

    def blocks(self) -> Tensor:
        """Return the transform blocks of every feature, [m, blocks, d], in units of z per unit of f.

        A block-sparse SAE returns the atoms of every feature, [m, atom_dimension, d].
        """
        return self.decoder_blocks()[0].detach().transpose(0, 1)

    def blocks_of(self, features: Tensor) -> Tensor:
        """Return those rows of `blocks`, [k, blocks, d]; the blocks of the other features are not computed.

        Only for one atom per feature.
        """
        if self.turns is not None:
            prototypes_k, turns_k = self.turns.of(features)
            prototypes, places_k = prototypes_k.unique(return_inverse=True)
            prototypes_gpd = self.in_blocks(self.decoder.weight[:, prototypes]).detach()
            return prototypes_gpd[self.turns.product_gh[:, turns_k], places_k].transpose(0, 1)
        return self.in_blocks(self.decoder.weight[:, features]).detach().transpose(0, 1)

    def decoder_blocks(self, count: int | None = None) -> tuple[Tensor, Tensor]:
        """Return weight [blocks, m, d] and bias [blocks, d] of all blocks, or of the first `count`; identity first."""
        if self.turns is not None:
            bias_gd = self.decoder.bias.expand(self.block_count, -1)
            return self.turns.copies(self.in_blocks(self.decoder.weight), count), bias_gd[:count]
        if self.basis_gq is None:
            return self.decoder.weight[:count], self.decoder.bias[:count]
        basis_gq = self.basis_gq[:count]
        return _times(basis_gq, self.decoder.weight), _times(basis_gq, self.decoder.bias)

    def in_blocks(self, weight_qmd: Tensor) -> Tensor:
        """Return the blocks of a weight of coefficients, [|G|, m, d]; the weight itself where the blocks are free."""
        return weight_qmd if self.basis_gq is None else _times(self.basis_gq, weight_qmd)

    def residual_of_blocks(self) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
        """Return the function (z_gbd, values_bk, indices_bk) → z − ẑ of all blocks, [|G|, b, d], without gradient."""
        if self.turns is not None:
            turns, bias_1d = self.turns, self.decoder.bias.detach()
            prototypes_gpd = self.in_blocks(self.decoder.weight).detach()
            return lambda z_gbd, values_bk, indices_bk: steered_residual(
                z_gbd, values_bk, indices_bk, prototypes_gpd, bias_1d, turns
            )
        weight_gmd, bias_gd = (part.detach() for part in self.decoder_blocks())
        return lambda z_gbd, values_bk, indices_bk: residual(z_gbd, values_bk, indices_bk, weight_gmd, bias_gd)

    # Initialisation -------------------------------------------------------------------------------------------------

    @property
    def first_rows(self) -> int:
        """Number of rows that `initialise` needs."""
        return self.config.atoms if self.turns is None else max(self.turns.prototypes, self.config.batch_size)

    def set_scale(self, rows_gbd: Tensor) -> None:
        """Set the scale at which the mean norm of rows of data, [blocks, n, d], is √d."""
        self.scale.copy_(self.channels**0.5 / rows_gbd.norm(dim=2).mean())

    @torch.no_grad()
    def initialise(self, rows_gbd: Tensor) -> None:
        """Set biases and atoms from rows of data or means of such rows, [blocks, a, d], after `set_scale` [ours].

        Atom i starts as row i's deviation from the mean: its encoder weight is that direction, its decoder weight
        the deviation of that row's whole orbit. One common factor on the decoder then minimises the squared error of
        the first reconstruction. A feature that training never updates therefore remains what it started
        from instead of random noise; the column `dead` marks it.
        """
        z_gbd = rows_gbd * self.scale
        if self.turns is not None:
            self._initialise_prototypes(z_gbd, self.turns)
            return
        target_qbd = self.in_band(z_gbd)
        self.decoder.bias.copy_(target_qbd.mean(1))
        deviation_qbd = target_qbd - self.decoder.bias[:, None]
        read_hbd = self.encoder_input(z_gbd)
        direction_hbd = read_hbd - read_hbd.mean(1, keepdim=True)
        norm_b = direction_hbd.square().sum((0, 2)).sqrt().clamp_min(1e-6)
        direction_hbd = direction_hbd / norm_b[:, None]
        self.encoder.weight.copy_(direction_hbd.view_as(self.encoder.weight))
        self.encoder.bias.copy_(-torch.einsum("hmd,hd->m", direction_hbd, read_hbd.mean(1)))
        self.decoder.weight.copy_(deviation_qbd / norm_b[:, None])

        sample_gbd = z_gbd[:, : self.config.batch_size]
        values_bk, indices_bk = self.encode_active(sample_gbd)
        target_qbd = deviation_qbd[:, : self.config.batch_size]
        none_qd = torch.zeros_like(self.decoder.bias)
        decoded_qbd = target_qbd - residual(target_qbd, values_bk, indices_bk, self.decoder.weight, none_qd)
        self.decoder.weight.mul_((decoded_qbd * target_qbd).sum() / decoded_qbd.square().sum().clamp_min(1e-12))

    @torch.no_grad()
    def shrink(self) -> None:
        """Give the directions of encoder and decoder the norm `SMALL`, each decoder as a mean over blocks.

        Adam's steps don't depend on the size of a weight, so an L1 penalty takes a feature to zero sooner from a small
        encoder: the same error with half the active features (docs/results.md). Source: as SAELens starts.
        """
        self.encoder.weight.mul_(SMALL)
        self.encoder.bias.mul_(SMALL)
        self.decoder.weight.mul_((SMALL / self.contributions().clamp_min(1e-6))[:, None])

    def _initialise_prototypes(self, z_gbd: Tensor, turns: Turns) -> None:
        """As `initialise`: prototype i reads and writes the direction of the deviation of row i's orbit."""
        mean_d = z_gbd.mean((0, 1))
        self.decoder.bias.copy_(mean_d)
        deviation_gbd = z_gbd - mean_d
        direction_qpd = self._coefficients(deviation_gbd[:, : turns.prototypes])
        direction_qpd = direction_qpd / direction_qpd.square().sum((0, 2)).sqrt().clamp_min(1e-6)[:, None]
        self.encoder.weight.copy_(direction_qpd)
        self.encoder.bias.copy_(-self.in_blocks(direction_qpd).sum(0) @ mean_d)
        self.decoder.weight.copy_(direction_qpd)

        sample_gbd = z_gbd[:, : self.config.batch_size]
        deviation_gbd = deviation_gbd[:, : self.config.batch_size]
        decoded_gbd = deviation_gbd - self.residual_of_blocks()(sample_gbd, *self.encode_active(sample_gbd))
        self.decoder.weight.mul_((decoded_gbd * deviation_gbd).sum() / decoded_gbd.square().sum().clamp_min(1e-12))

    def finish(self) -> None:
        """Bring a trained dictionary into the form that is stored; its features and reconstructions don't change."""

    def after_step(self) -> None:
        """Restore what a step of the optimiser may have broken; training calls it after each step."""

    # Shared by the methods ------------------------------------------------------------------------------------------

    def in_band(self, z_gbd: Tensor) -> Tensor:
        """Return scaled rows in the decoder's coordinates, [q, b, d]: their blocks, or the blocks' coefficients.

        A steerable decoder turns its prototypes' blocks and thus writes blocks, whatever its band.
        """
        return z_gbd if self.turns is not None else self._coefficients(z_gbd)

    def _coefficients(self, rows_gbd: Tensor) -> Tensor:
        return rows_gbd if self.basis_gq is None else _times(self.basis_gq.T, rows_gbd)

    def target(self, z_gbd: Tensor) -> Target:
        """Return the reconstruction target of scaled rows."""
        rows_qbd = self.in_band(z_gbd)
        if len(rows_qbd) == len(z_gbd):
            return Target(rows_qbd)
        share = len(rows_qbd) / len(z_gbd)
        beyond = z_gbd.square().mean() - share * rows_qbd.square().mean()
        return Target(rows_qbd, share, beyond.clamp_min(0))

    def encoder_input(self, z_gbd: Tensor) -> Tensor:
        """Return the encoder's input, [h, b, d]: the identity block, or everything that the decoder reconstructs."""
        if not self.is_crosscoder:
            bias_1d = self.decoder.bias if self.encoder_moves_bias else self.decoder.bias.detach()
            return z_gbd - bias_1d[:, None]
        return self.in_band(z_gbd) if self.reads_all_blocks else z_gbd[:1]

    def encoder_weight_hmd(self) -> Tensor:
        """Return the encoder's vectors of every atom, [h, a, d], for the encoder's input [h, b, d]."""
        if self.turns is not None:
            return self.turns.copies(self.in_blocks(self.encoder.weight))
        return self.encoder.weight.view(-1, self.config.atoms, self.channels)

    def encoder_bias(self) -> Tensor:
        """Return the encoder's bias of every feature, [m]."""
        return self.encoder.bias if self.turns is None else self.turns.of_features(self.encoder.bias)

    def pre_activations(self, read_hbd: Tensor) -> Tensor:
        """Return pre [b, m] from the encoder's input read_hbd; float32 under autocast too.

        A steerable crosscoder's is 0 but for one orientation of each prototype, the canonical one.
        """
        if self.turns is not None:
            pre_bm = self.turns.correlation(read_hbd, self.in_blocks(self.encoder.weight)) + self.encoder_bias()
            return self.turns.in_canonical_orientation(pre_bm)
        pre_bm = self.encoder.bias.expand(read_hbd.shape[1], -1)
        for read_bd, weight_md in zip(read_hbd, self.encoder_weight_hmd(), strict=True):
            pre_bm = torch.addmm(pre_bm, read_bd, weight_md.T).float()
        return pre_bm

    def pre_activations_at(self, read_hbd: Tensor, pre_bm: Tensor, indices_bk: Tensor) -> Tensor:
        """Return `pre_bm`, made by `pre_activations` without gradient, at `indices_bk`: [b, k], with gradients."""
        if self.turns is None:
            return pre_activations_at(read_hbd, self.encoder_weight_hmd(), self.encoder.bias, pre_bm, indices_bk)
        encoder_gpd = self.in_blocks(self.encoder.weight)
        return steered_pre_activations_at(read_hbd, encoder_gpd, self.encoder.bias, pre_bm, indices_bk, self.turns)

    def decode_scaled(self, f_bm: Tensor) -> Tensor:
        """Reconstruct the target's rows [q, b, d] from dense features [b, m]; float32 under autocast too."""
        return (f_bm @ self.decoder.weight).float() + self.decoder.bias[:, None]

    def target_residual(
        self, target_qbd: Tensor, values_bk: Tensor, indices_bk: Tensor, *, bias: bool = True
    ) -> Tensor:
        """Return the target's rows less their reconstruction from sparse codes, [q, b, d], with gradients.

        bias: whether the reconstruction contains the decoder's bias.
        """
        bias_qd = self.decoder.bias if bias else torch.zeros_like(self.decoder.bias)
        if self.turns is None:
            return residual(target_qbd, values_bk, indices_bk, self.decoder.weight, bias_qd)
        prototypes_gpd = self.in_blocks(self.decoder.weight)
        return steered_residual(target_qbd, values_bk, indices_bk, prototypes_gpd, bias_qd, self.turns)

    def feature_norms(self) -> Tensor:
        """Return Σ_g ‖W_dec,i^g‖ of every feature i, [m]."""
        return self.decoder_blocks()[0].norm(dim=2).sum(0)

    @torch.no_grad()
    def contributions(self) -> Tensor:
        """Return how much a unit of every feature adds to the reconstruction, [m]: √(Σ_g ‖W_dec,i^g‖² / |G|)."""
        norms_p = self.decoder.weight.norm(dim=2).square().sum(0).div(self.block_count).sqrt()
        return norms_p if self.turns is None else self.turns.of_features(norms_p)

    def dense_loss(self, total: Tensor, reconstruction: Tensor, sparsity: Tensor, f_bm: Tensor) -> Loss:
        """Return a `Loss` without auxiliary part; l0 and fired_m are counted from dense features [b, m]."""
        active_bm = f_bm.detach() > 0
        return Loss(
            total=total,
            reconstruction=reconstruction.detach(),
            sparsity=sparsity.detach(),
            auxiliary=reconstruction.new_zeros(()),
            l0=active_bm.sum() / len(f_bm),
            fired_m=active_bm.any(0),
        )


def _times(matrix: Tensor, rows: Tensor) -> Tensor:
    """Return matrix @ rows over the first axis of rows; float32 under autocast too."""
    with torch.autocast(rows.device.type, enabled=False):
        return torch.tensordot(matrix, rows, 1)


WARM_UP_SHARE = 0.05


def warmed_up(sparsity: float, done: float) -> float:
    """Return the penalty weight λ, which grows linearly over the first `WARM_UP_SHARE` of the training (methods §3)."""
    return sparsity * min(1.0, done / WARM_UP_SHARE)
