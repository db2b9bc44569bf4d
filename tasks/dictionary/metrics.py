"""Metrics of a trained dictionary that can be computed without running the network (methods §3)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tasks.activations.shards import ActivationSet
from tasks.dictionary.base import Dictionary
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.rows import rows_of_orbits

Similarity = Callable[[Tensor, Tensor], Tensor]
"""Function of the blocks of two dictionaries, [m, …, d] and [m', …, d], to the similarity of every pair, [m, m']."""


@dataclass(frozen=True)
class Evaluation:
    """Result of `evaluate`. fvu_g: [blocks]; firing_counts_m: [m], the rows on which each feature fires."""

    fvu: float
    l0: float
    cosine: float
    dead_fraction: float
    rows: int
    fvu_g: np.ndarray
    firing_counts_m: np.ndarray

    def __post_init__(self):
        # both count the same active (row, feature) pairs
        assert np.isclose(self.firing_counts_m.sum(), self.l0 * self.rows)

    def scalars(self) -> dict[str, float]:
        return {name: getattr(self, name) for name in ("fvu", "l0", "cosine", "dead_fraction", "rows")}


class Variance:
    """Running Σ‖x − mean‖² per block, about the per-channel mean of all added rows; one pass, double precision."""

    def __init__(self) -> None:
        self.rows, self.sum_gd, self.squares_g = 0, torch.zeros(()), torch.zeros(())

    def add(self, x_gbd: Tensor) -> None:
        # double precision: `total_g` is a small difference of two large sums
        x_gbd = x_gbd.double()
        self.rows += x_gbd.shape[1]
        self.sum_gd = self.sum_gd + x_gbd.sum(1)
        self.squares_g = self.squares_g + x_gbd.square().sum((1, 2))

    def total_g(self) -> Tensor:
        return self.squares_g - self.sum_gd.square().sum(1) / self.rows


@torch.no_grad()
def evaluate(dictionary: Dictionary, acts: ActivationSet, split: str = "test") -> Evaluation:
    """Compute FVU (total and per block), L0, mean cosine(z, ẑ) and dead fraction over every row of a split.

    FVU = Σ‖z − ẑ‖² / Σ‖z − mean‖², where the mean is per channel and block over all rows of the split. dead_fraction is
    the share of features that fire on none of these rows. A steerable crosscoder encodes an orbit once; its code and
    error for the other readings of the orbit are those of the first, turned.
    """
    variance, error_g, cosine_sum, rows = Variance(), torch.zeros(()), 0.0, 0
    counts_m = torch.zeros(dictionary.config.features, dtype=torch.int64)
    residual_of, turns = dictionary.residual_of_blocks(), dictionary.turns
    of_split = (shard.index for shard in acts.shards if shard.split == split)
    readings = (
        reading
        for acts_rgc in acts.read_each(of_split)
        for reading in rows_of_orbits(acts_rgc, acts.group, dictionary.config, dictionary.block_count)
    )
    for element, x_gbd in readings:
        z_gbd = x_gbd * dictionary.scale
        if turns is None or element == 0:
            values_bk, indices_bk = dictionary.encode_active(z_gbd)
            f_bk, features_bk = dictionary.activations(values_bk, indices_bk)
            error_gbd = identity_error_gbd = residual_of(z_gbd, values_bk, indices_bk)
        else:  # of the first reading, turned
            features_bk = turns.turned(indices_bk, element)
            error_gbd = identity_error_gbd[torch.from_numpy(acts.group.reuse_permutation(element))]
        variance.add(z_gbd)
        error_g = error_g + error_gbd.double().square().sum((1, 2))
        decoded_gbd = z_gbd - error_gbd
        similarity_b = (z_gbd * decoded_gbd).sum((0, 2)) / (
            z_gbd.square().sum((0, 2)).sqrt() * decoded_gbd.square().sum((0, 2)).sqrt()
        ).clamp_min(1e-12)
        cosine_sum += float(similarity_b.sum())
        counts_m += torch.bincount(features_bk[f_bk > 0], minlength=len(counts_m))
        rows += x_gbd.shape[1]
    total_g = variance.total_g().clamp_min(1e-12)
    return Evaluation(
        fvu=float(error_g.sum() / total_g.sum()),
        l0=int(counts_m.sum()) / rows,
        cosine=cosine_sum / rows,
        dead_fraction=float((counts_m == 0).double().mean()),
        rows=rows,
        fvu_g=(error_g / total_g).numpy(),
        firing_counts_m=counts_m.numpy(),
    )


def stability(blocks_mgd: Tensor, other_mgd: Tensor, similarity: Similarity) -> float:
    """Return the mean similarity of features matched one to one between two dictionaries (Hungarian assignment).

    blocks_mgd, other_mgd: of `Dictionary.blocks`. 1 means the same features; the chance level is `random_stability` of
    the same shape.
    """
    from scipy.optimize import linear_sum_assignment

    cosine_mm = similarity(blocks_mgd, other_mgd).numpy()
    rows, columns = linear_sum_assignment(cosine_mm, maximize=True)
    return float(cosine_mm[rows, columns].mean())


def random_stability(blocks_mgd: Tensor, seed: int, similarity: Similarity) -> float:
    """Return `stability` against Gaussian features of the same shape: the chance level of the matching."""
    generator = torch.Generator().manual_seed(seed)
    return stability(blocks_mgd, torch.randn(blocks_mgd.shape, generator=generator), similarity)


def similarity_of(config: DictionaryConfig) -> Similarity:
    """Return the function that compares features by what `Dictionary.blocks` returns."""
    return cosine_matrix if config.atom_dimension == 1 else span_similarity


def cosine_matrix(blocks_mgd: Tensor, other_mgd: Tensor) -> Tensor:
    """Return the cosine of every pair of features with concatenated blocks, [m, m']; 0 for an all-zero feature."""
    products = sum(a_md @ b_md.T for a_md, b_md in zip(blocks_mgd.unbind(1), other_mgd.unbind(1), strict=True))
    norms_m = blocks_mgd.square().sum((1, 2)).sqrt().clamp_min(1e-12)
    other_norms_m = other_mgd.square().sum((1, 2)).sqrt().clamp_min(1e-12)
    return products / norms_m[:, None] / other_norms_m


def span_similarity(atoms_mjd: Tensor, other_mjd: Tensor) -> Tensor:
    """Return the similarity of the spans of every pair of features, [m, m'], from 0 to 1 [ours].

    atoms_mjd, other_mjd: the atoms of features, [m, dimension, d]. The similarity is the root mean square of the
    cosines of the principal angles: of a single vector and a span, the cosine of the angle between them.
    """
    basis_mjd, other_basis_mjd = (
        torch.linalg.qr(atoms.transpose(1, 2)).Q.transpose(1, 2) for atoms in (atoms_mjd, other_mjd)
    )
    squares_mm = sum(
        (vector_md @ other_md.T).square() for vector_md in basis_mjd.unbind(1) for other_md in other_basis_mjd.unbind(1)
    )
    return (squares_mm / min(atoms_mjd.shape[1], other_mjd.shape[1])).sqrt()
