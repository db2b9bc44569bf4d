"""Measures of a trained dictionary that need no splicing into the network (methods §3)."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tasks.activations.shards import ActivationSet
from tasks.dictionary.base import Dictionary
from tasks.dictionary.rows import every_row
from tasks.dictionary.sparse import residual


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found; `fvu_g` has one entry per block, `firing_counts_m` one per feature."""

    fvu: float
    l0: float
    cosine: float
    dead_fraction: float
    rows: int
    fvu_g: np.ndarray
    firing_counts_m: np.ndarray

    def __post_init__(self):
        # L0 and the firing counts are two sums of the same events
        assert np.isclose(self.firing_counts_m.sum(), self.l0 * self.rows)

    def scalars(self) -> dict[str, float]:
        return {name: getattr(self, name) for name in ("fvu", "l0", "cosine", "dead_fraction", "rows")}


class _Variance:
    """Σ‖x − mean‖² per block about the per-channel mean of all rows seen, in one pass and double precision."""

    def __init__(self) -> None:
        self.rows, self.sum_gd, self.squares_g = 0, 0.0, 0.0

    def add(self, x_gbd: Tensor) -> None:
        # double: the difference of two large sums below must not cancel away
        x_gbd = x_gbd.double()
        self.rows += x_gbd.shape[1]
        self.sum_gd = self.sum_gd + x_gbd.sum(1)
        self.squares_g = self.squares_g + x_gbd.square().sum((1, 2))

    def total_g(self) -> Tensor:
        return self.squares_g - self.sum_gd.square().sum(1) / self.rows


@torch.no_grad()
def evaluate(dictionary: Dictionary, acts: ActivationSet, split: str = "test") -> Evaluation:
    """FVU (whole and per block), L0, mean cosine(z, ẑ), dead fraction over every row of a split.

    FVU = Σ‖z − ẑ‖² / Σ‖z − mean‖² with the per-channel mean of each block over all rows evaluated. dead_fraction is
    the share of features that fire on none of `rows` rows.
    """
    variance, error_g, cosine_sum, rows = _Variance(), 0.0, 0.0, 0
    counts_m = torch.zeros(dictionary.config.features, dtype=torch.int64)
    weight_gmd, bias_gd = dictionary.decoder_blocks()
    shards = [shard for shard in acts.shards if shard.split == split]
    x_of_shards = (
        x_gbd for shard in shards for _, x_gbd in every_row(acts, dictionary.config, shard, dictionary.block_count)
    )
    for x_gbd in x_of_shards:
        z_gbd = x_gbd * dictionary.scale
        values_bk, indices_bk = dictionary.encode_active(z_gbd)
        error_gbd = residual(z_gbd, values_bk, indices_bk, weight_gmd, bias_gd)
        variance.add(z_gbd)
        error_g = error_g + error_gbd.double().square().sum((1, 2))
        decoded_gbd = z_gbd - error_gbd
        similarity_b = (z_gbd * decoded_gbd).sum((0, 2)) / (
            z_gbd.square().sum((0, 2)).sqrt() * decoded_gbd.square().sum((0, 2)).sqrt()
        ).clamp_min(1e-12)
        cosine_sum += float(similarity_b.sum())
        counts_m += torch.bincount(indices_bk[values_bk > 0], minlength=len(counts_m))
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


def stability(blocks_mgd: Tensor, other_mgd: Tensor) -> float:
    """Mean cosine of features matched one to one between two dictionaries (Hungarian assignment), blocks end to end.

    Both [m, blocks, d]. 1: the same features; compare with `random_stability` of the same shape.
    """
    from scipy.optimize import linear_sum_assignment

    cosine_mm = cosine_matrix(blocks_mgd, other_mgd).numpy()
    rows, columns = linear_sum_assignment(cosine_mm, maximize=True)
    return float(cosine_mm[rows, columns].mean())


def random_stability(blocks_mgd: Tensor, seed: int) -> float:
    """`stability` against Gaussian atoms of the same shape: what matching alone yields by chance."""
    generator = torch.Generator().manual_seed(seed)
    return stability(blocks_mgd, torch.randn(blocks_mgd.shape, generator=generator))


def cosine_matrix(blocks_mgd: Tensor, other_mgd: Tensor) -> Tensor:
    """Cosine of every pair of features with their blocks laid end to end, [m, m']; a zero feature has cosine 0."""
    products = sum(a_md @ b_md.T for a_md, b_md in zip(blocks_mgd.unbind(1), other_mgd.unbind(1), strict=True))
    norms_m = blocks_mgd.square().sum((1, 2)).sqrt().clamp_min(1e-12)
    other_norms_m = other_mgd.square().sum((1, 2)).sqrt().clamp_min(1e-12)
    return products / norms_m[:, None] / other_norms_m
