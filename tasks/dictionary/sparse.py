"""Arithmetic on k active features out of m, in time proportional to k.

A batch of codes is (values_bk, indices_bk). The tests compare every function with the dense matrix products it stands
for, gradients included. Layout: blocks come first (`x_gbd`), so that one block's weights (m x d) and errors (b x d)
stay in cache while they are used.
"""

import warnings

import torch
from torch import Tensor
from torch.nn import functional

# torch says so once per process at the first CSR tensor; we use one only as the pattern of a sampled product
warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta state")


def top_k(pre_bm: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest pre-activations of each row: (values_bk, indices_bk), unsorted, negative values not yet cut."""
    values_bk, indices_bk = torch.topk(pre_bm, k, dim=1, sorted=False)
    return values_bk, indices_bk


def to_dense(values_bk: Tensor, indices_bk: Tensor, features: int) -> Tensor:
    """Codes as a dense matrix [b, m]."""
    return values_bk.new_zeros(len(values_bk), features).scatter_(1, indices_bk, values_bk)


def from_dense(f_bm: Tensor) -> tuple[Tensor, Tensor]:
    """Codes (values_bk, indices_bk) of dense features ≥ 0; k is that of the fullest row, and at least 1."""
    fullest = int((f_bm > 0).sum(1).max()) if len(f_bm) else 0
    return top_k(f_bm, max(1, fullest))


class _ByFeature:
    """A batch's active (row, feature) pairs sorted by feature: the transpose of its codes."""

    def __init__(self, indices_bk: Tensor, features: int):
        flat = indices_bk.flatten()
        self.order = torch.argsort(flat, stable=True)
        self.rows = torch.div(self.order, indices_bk.shape[1], rounding_mode="floor")
        counts = torch.bincount(flat, minlength=features)
        self.starts = torch.cumsum(counts, 0) - counts

    def accumulate(self, weights_bk: Tensor, rows_bd: Tensor) -> Tensor:
        """codesᵀ @ rows: for each feature the weighted sum of the rows it is active on, [m, d]."""
        return functional.embedding_bag(
            self.rows, rows_bd, self.starts, mode="sum", per_sample_weights=weights_bk.flatten()[self.order]
        )


def _at_active(rows_bd: Tensor, weight_md: Tensor, indices_bk: Tensor) -> Tensor:
    """(rows @ weightᵀ) at the active pairs only, [b, k]."""
    batch, k = indices_bk.shape
    if not (rows_bd.is_cuda or torch.backends.mkl.is_available()):
        return torch.einsum("bkd,bd->bk", weight_md[indices_bk], rows_bd)
    row_starts = torch.arange(0, batch * k + 1, k, device=rows_bd.device)
    pattern = torch.sparse_csr_tensor(
        row_starts, indices_bk.flatten(), rows_bd.new_zeros(batch * k), (batch, len(weight_md)), check_invariants=False
    )
    return torch.sparse.sampled_addmm(pattern, rows_bd, weight_md.T).values().view(batch, k)


class _PreActivationsAt(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x_hbd, weight_hmd, bias_m, pre_bm, indices_bk):
        ctx.save_for_backward(x_hbd, indices_bk)
        ctx.features = len(bias_m)
        return pre_bm.gather(1, indices_bk)

    @staticmethod
    def backward(ctx, gradient_bk):
        x_hbd, indices_bk = ctx.saved_tensors
        by_feature = _ByFeature(indices_bk, ctx.features)
        weight = torch.stack([by_feature.accumulate(gradient_bk, x_bd) for x_bd in x_hbd])
        bias = gradient_bk.new_zeros(ctx.features).index_add_(0, indices_bk.flatten(), gradient_bk.flatten())
        return None, weight, bias, None, None


def pre_activations_at(x_hbd: Tensor, weight_hmd: Tensor, bias_m: Tensor, pre_bm: Tensor, indices_bk: Tensor) -> Tensor:
    """`pre_bm` (= Σ_h x_h W_hᵀ + b, computed without gradient) at `indices_bk`, with the gradient to W and b.

    Returns [b, k]. The rows x get no gradient: they are data.
    """
    return _PreActivationsAt.apply(x_hbd, weight_hmd, bias_m, pre_bm, indices_bk)


class _Residual(torch.autograd.Function):
    @staticmethod
    def forward(ctx, target_gbd, values_bk, indices_bk, weight_gmd, bias_gd):
        residual_gbd = torch.empty_like(target_gbd)
        for target_bd, weight_md, bias_d, out_bd in zip(target_gbd, weight_gmd, bias_gd, residual_gbd, strict=True):
            decoded_bd = functional.embedding_bag(indices_bk, weight_md, mode="sum", per_sample_weights=values_bk)
            torch.sub(target_bd, decoded_bd.add_(bias_d), out=out_bd)
        ctx.save_for_backward(values_bk, indices_bk, weight_gmd)
        return residual_gbd

    @staticmethod
    def backward(ctx, gradient_gbd):
        values_bk, indices_bk, weight_gmd = ctx.saved_tensors
        by_feature = _ByFeature(indices_bk, weight_gmd.shape[1])
        values = torch.zeros_like(values_bk)
        weight = torch.empty_like(weight_gmd)
        negative_values_bk = -values_bk
        for gradient_bd, weight_md, out_md in zip(gradient_gbd, weight_gmd, weight, strict=True):
            values -= _at_active(gradient_bd, weight_md, indices_bk)
            out_md.copy_(by_feature.accumulate(negative_values_bk, gradient_bd))
        return None, values, None, weight, -gradient_gbd.sum(1)


def residual(target_gbd: Tensor, values_bk: Tensor, indices_bk: Tensor, weight_gmd: Tensor, bias_gd: Tensor) -> Tensor:
    """target − (Σ_j values_j W_g[index_j] + bias_g), [g, b, d], with gradients to values, weights and bias."""
    return _Residual.apply(target_gbd, values_bk, indices_bk, weight_gmd, bias_gd)
