"""Arithmetic on k active features out of m, in time proportional to k.

A batch of codes is (values_bk, indices_bk). The tests compare every function, gradients included, with the dense matrix
product that it replaces. Tensors have the block axis first (`x_gbd`). All blocks thus form one long table, a product
over all of them is one call, and the current block's weights (m x d) and errors (b x d) stay in the CPU cache.
"""

import warnings

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

# torch warns at the first CSR tensor of a process; here such a tensor serves only as the pattern of a sampled product
warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")

GROUPS_PER_K = 8


def top_k(pre_bm: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the k largest pre-activations of each row as (values_bk, indices_bk), unsorted and including negatives."""
    candidates = None if pre_bm.is_cuda else _candidates(pre_bm, k)
    if candidates is None:
        values_bk, indices_bk = torch.topk(pre_bm, k, dim=1, sorted=False)
        return values_bk, indices_bk
    candidates_bc, features_bc = candidates
    values_bk, places_bk = torch.topk(candidates_bc, k, dim=1, sorted=False)
    return values_bk, features_bc.gather(1, places_bk)


def _candidates(pre_bm: Tensor, k: int) -> tuple[Tensor, Tensor] | None:
    """Return a few elements of each row that include its k largest: (values_bc padded with -inf, features_bc) [ours].

    Each row is divided into groups. At least k elements, and usually few more, reach the k-th largest of the groups'
    maxima. On a CPU this takes half the time of `torch.topk` on the row, which sorts pairs of value and index. Returns
    None where it would not help: with few features, many equal elements, or a NaN.
    """
    batch, features = pre_bm.shape
    groups = GROUPS_PER_K * k
    width = features // groups
    if width < 2:
        return None
    maxima_bg = pre_bm[:, : width * groups].view(batch, width, groups).amax(1)
    rest_br = pre_bm[:, width * groups :]
    maxima_bg[:, : rest_br.shape[1]] = torch.maximum(maxima_bg[:, : rest_br.shape[1]], rest_br)
    bound_b1 = torch.from_numpy(np.partition(maxima_bg.numpy(), groups - k, axis=1)[:, groups - k, None])
    flat = torch.from_numpy(np.flatnonzero((pre_bm >= bound_b1).numpy()))
    if len(flat) > 2 * k * batch or maxima_bg.isnan().any():
        return None
    rows = torch.div(flat, features, rounding_mode="floor")
    counts_b = torch.bincount(rows, minlength=batch)
    places = torch.arange(len(flat)) - (counts_b.cumsum(0) - counts_b)[rows]
    candidates_bc = pre_bm.new_full((batch, int(counts_b.max())), -torch.inf)
    candidates_bc[rows, places] = pre_bm.take(flat)
    features_bc = flat.new_zeros(candidates_bc.shape)
    features_bc[rows, places] = flat % features
    return candidates_bc, features_bc


def to_dense(values_bk: Tensor, indices_bk: Tensor, features: int) -> Tensor:
    """Return codes as a dense matrix [b, m]."""
    return values_bk.new_zeros(len(values_bk), features).scatter_(1, indices_bk, values_bk)


def from_dense(f_bm: Tensor) -> tuple[Tensor, Tensor]:
    """Return the codes (values_bk, indices_bk) of dense features ≥ 0, [b, m].

    k is the largest number of active features of any row, and at least 1.
    """
    fullest = int((f_bm > 0).sum(1).max()) if len(f_bm) else 0
    return top_k(f_bm, max(1, fullest))


class ByFeature:
    """The active (row, feature) pairs of a batch, sorted by feature: the transpose of its codes."""

    def __init__(self, indices_bk: Tensor, features: int):
        flat = indices_bk.flatten().int()
        self.features = features
        self.order = torch.argsort(flat, stable=True)
        self.rows = torch.div(self.order, indices_bk.shape[1], rounding_mode="floor")
        counts_m = torch.bincount(flat, minlength=features)
        self.starts_m = torch.cumsum(counts_m, 0) - counts_m

    def accumulate(self, weights_bk: Tensor, rows_gbd: Tensor, blocks_gn: Tensor | None = None) -> Tensor:
        """Return codesᵀ @ rows per block, [g, m, d]: per feature the weighted sum of the rows where it is active.

        blocks_gn: the block of the rows that each sorted pair reads in block g of the result; by default g itself.
        """
        blocks, batch, channels = rows_gbd.shape
        block_g1 = torch.arange(blocks, device=rows_gbd.device)[:, None]
        sums = functional.embedding_bag(
            (self.rows + batch * (block_g1 if blocks_gn is None else blocks_gn)).flatten(),
            rows_gbd.reshape(-1, channels),
            (self.starts_m + len(self.rows) * block_g1).flatten(),
            mode="sum",
            per_sample_weights=weights_bk.flatten()[self.order].repeat(blocks),
        )
        return sums.view(blocks, self.features, channels)


def _in_every_block(indices_bk: Tensor, blocks: int, features: int) -> Tensor:
    """Turn feature indices [b, k] into indices [g·b, k] of the rows of a weight whose blocks are stacked, [g·m, d]."""
    starts_g = features * torch.arange(blocks, device=indices_bk.device)
    return (indices_bk + starts_g[:, None, None]).flatten(0, 1)


def at_active(rows_nd: Tensor, weight_md: Tensor, indices_nk: Tensor) -> Tensor:
    """Return rows @ weightᵀ at the active pairs only, [n, k]."""
    count, k = indices_nk.shape
    if not (rows_nd.is_cuda or torch.backends.mkl.is_available()):
        parts = zip(rows_nd.split(256), indices_nk.split(256), strict=True)
        return torch.cat([torch.einsum("bkd,bd->bk", weight_md[indices], rows) for rows, indices in parts])
    row_starts = torch.arange(0, count * k + 1, k, device=rows_nd.device)
    pattern = torch.sparse_csr_tensor(
        row_starts, indices_nk.flatten(), rows_nd.new_zeros(count * k), (count, len(weight_md)), check_invariants=False
    )
    return torch.sparse.sampled_addmm(pattern, rows_nd, weight_md.T).values().view(count, k)


class _PreActivationsAt(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x_hbd, weight_hmd, bias_m, pre_bm, indices_bk):
        ctx.save_for_backward(x_hbd, indices_bk)
        ctx.features = len(bias_m)
        return pre_bm.gather(1, indices_bk)

    @staticmethod
    def backward(ctx, gradient_bk):
        x_hbd, indices_bk = ctx.saved_tensors
        by_feature = ByFeature(indices_bk, ctx.features)
        weight = by_feature.accumulate(gradient_bk, x_hbd)
        bias = gradient_bk.new_zeros(ctx.features).index_add_(0, indices_bk.flatten(), gradient_bk.flatten())
        return None, weight, bias, None, None


def pre_activations_at(x_hbd: Tensor, weight_hmd: Tensor, bias_m: Tensor, pre_bm: Tensor, indices_bk: Tensor) -> Tensor:
    """Return `pre_bm` at `indices_bk`, [b, k], with gradients to weight and bias.

    pre_bm must be Σ_h x_h W_hᵀ + b, computed without gradient. The rows x get no gradient, because they are data.
    """
    return _PreActivationsAt.apply(x_hbd, weight_hmd, bias_m, pre_bm, indices_bk)


class _Residual(torch.autograd.Function):
    @staticmethod
    def forward(ctx, target_gbd, values_bk, indices_bk, weight_gmd, bias_gd):
        blocks, features, _ = weight_gmd.shape
        indices_nk = _in_every_block(indices_bk, blocks, features)
        decoded_nd = functional.embedding_bag(
            indices_nk, weight_gmd.flatten(0, 1), mode="sum", per_sample_weights=values_bk.repeat(blocks, 1)
        )
        decoded_gbd = decoded_nd.view_as(target_gbd).add_(bias_gd[:, None])
        ctx.save_for_backward(values_bk, indices_bk, indices_nk, weight_gmd)
        return torch.sub(target_gbd, decoded_gbd, out=decoded_gbd)

    @staticmethod
    def backward(ctx, gradient_gbd):
        values_bk, indices_bk, indices_nk, weight_gmd = ctx.saved_tensors
        blocks, features, _ = weight_gmd.shape
        at_active_nk = at_active(gradient_gbd.flatten(0, 1), weight_gmd.flatten(0, 1), indices_nk)
        values = -at_active_nk.view(blocks, *values_bk.shape).sum(0)
        weight = ByFeature(indices_bk, features).accumulate(-values_bk, gradient_gbd)
        return None, values, None, weight, -gradient_gbd.sum(1)


def residual(target_gbd: Tensor, values_bk: Tensor, indices_bk: Tensor, weight_gmd: Tensor, bias_gd: Tensor) -> Tensor:
    """Return target − (Σ_j values_j W_g[index_j] + bias_g), [g, b, d], with gradients to values, weight and bias."""
    return _Residual.apply(target_gbd, values_bk, indices_bk, weight_gmd, bias_gd)
