"""What rotations, hue and scale do to image patches (methods §2)."""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F

from tasks.symmetry.group import DihedralGroup
from tasks.symmetry.scales import ScaleRange
from tasks.symmetry.transformations import Transformations

ROTATIONS = DihedralGroup(1)


def source_side(side: int, transformations: Transformations = ROTATIONS) -> int:
    """Return the side of the source patch from which patches of `side` pixels are transformed.

    It has the same parity, so that both squares have the same centre: a pixel if the side is odd, a corner between
    pixels if it is even. For rotations it is the smallest such side ≥ √2 · side: the inscribed disc of the source patch
    contains the patch. For hue it is `side`, and for scales `ScaleRange.source_side`.
    """
    if isinstance(transformations, ScaleRange):
        return transformations.source_side(side)
    if transformations.transformations == "hue":
        return side
    source = math.ceil(math.sqrt(2) * side)
    return source + (source - side) % 2


@lru_cache(maxsize=8)
def _grids_gyx2(group: DihedralGroup, side: int, out_size: int) -> torch.Tensor:
    """Return the source position g⁻¹ p of every output pixel p, float32 [|G|, out, out, 2].

    Positions are (x, y) in [-1, 1], y down.
    """
    steps = torch.arange(out_size, dtype=torch.float64) - (out_size - 1) / 2
    points_yx2 = torch.stack([steps.expand(out_size, -1), -steps[:, None].expand(-1, out_size)], dim=-1)
    matrices = torch.stack([torch.from_numpy(group.matrix(g)) for g in group.elements])
    # the rows of p @ M are Mᵀ p, and Mᵀ = M⁻¹
    sources = torch.einsum("yxi,gij->gyxj", points_yx2, matrices)
    sources[..., 1] *= -1
    return (sources / ((side - 1) / 2)).float()


def transform_patches(
    patches_bcyx: torch.Tensor,
    elements: Sequence[int] | np.ndarray,
    transformations: Transformations,
    out_size: int,
) -> torch.Tensor:
    """Transform each patch around its centre by each g of `elements`.

    Returns [b, len(elements), c, out_size, out_size].

    patches_bcyx: float, square, with a side ≥ source_side(out_size, transformations) and of out_size's parity, so that
    no pixel outside the patch is needed. Raises ValueError for a patch of another shape. Source: ours (methods §2).

    * rotations: bilinear resampling; for multiples of 90°, mirrored or not, an exact permutation of pixels.
    * hue: a linear map of each pixel's three colours; for multiples of 120°, mirrored or not, an exact permutation of
      channels. The values are not clipped: those of a saturated colour can leave the range of the input by a third.
    * scales: enlarged by bilinear interpolation. Shrunk by the weights of bilinear interpolation widened by 1 / scale,
      which average over the pixels that an output pixel covers.
    """
    _, _, height, side = patches_bcyx.shape
    needed = source_side(out_size, transformations)
    if height != side or side < needed or (side - out_size) % 2:
        raise ValueError(
            f"a {height}×{side} patch can't be transformed into {out_size}×{out_size}: "
            f"it needs a side of {needed} pixels, or an even number more"
        )
    elements = [int(g) for g in elements]
    if isinstance(transformations, ScaleRange):
        return _scaled(patches_bcyx, elements, transformations, out_size)
    if transformations.transformations == "hue":
        return _recoloured(patches_bcyx, elements, transformations, out_size)
    return _rotated(patches_bcyx, elements, transformations, out_size)


def _middle(patches_bcyx: torch.Tensor, size: int) -> torch.Tensor:
    margin = (patches_bcyx.shape[-1] - size) // 2
    return patches_bcyx[..., margin : margin + size, margin : margin + size]


def _rotated(patches_bcyx: torch.Tensor, elements: list[int], group: DihedralGroup, out_size: int) -> torch.Tensor:
    batch, channels, _, side = patches_bcyx.shape
    out_bgcyx = patches_bcyx.new_empty(batch, len(elements), channels, out_size, out_size)
    centre_bcyx = _middle(patches_bcyx, out_size)
    # all patches are channels of one image, so that a grid's bilinear weights are computed once for all of them
    image = patches_bcyx.reshape(1, batch * channels, side, side)
    grids_gyx2 = _grids_gyx2(group, side, out_size).to(image)
    for k, g in enumerate(elements):
        quarters = group.quarter_turns(g)
        if quarters is None:
            resampled = F.grid_sample(image, grids_gyx2[g : g + 1], mode="bilinear", align_corners=True)
            out_bgcyx[:, k] = resampled.view(batch, channels, out_size, out_size)
        else:
            mirrored = centre_bcyx.flip(-1) if group.is_reflection(g) else centre_bcyx
            out_bgcyx[:, k] = torch.rot90(mirrored, quarters, dims=(-2, -1))
    return out_bgcyx


def _recoloured(patches_bcyx: torch.Tensor, elements: list[int], group: DihedralGroup, out_size: int) -> torch.Tensor:
    matrices_gij = torch.from_numpy(np.stack([group.colour_matrix(g) for g in elements])).to(patches_bcyx)
    return torch.einsum("gij,bjyx->bgiyx", matrices_gij, _middle(patches_bcyx, out_size))


@lru_cache(maxsize=64)
def _resampling_oi(scale: float, side: int, out_size: int) -> torch.Tensor:
    """Return the weight of every source pixel in every output pixel along one axis, float64 [out_size, side].

    The weight is a triangle over the distance from the output pixel's source position, with a half-width of one pixel,
    or 1 / scale where that is more. The weights of an output pixel sum to 1.
    """
    sources_i = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    outputs_o = torch.arange(out_size, dtype=torch.float64) - (out_size - 1) / 2
    distances_oi = (sources_i - outputs_o[:, None] / scale).abs()
    weights_oi = (1 - distances_oi * min(scale, 1.0)).clamp_min(0)
    return weights_oi / weights_oi.sum(1, keepdim=True)


def _scaled(patches_bcyx: torch.Tensor, elements: list[int], scales: ScaleRange, out_size: int) -> torch.Tensor:
    weights_goi = torch.stack([_resampling_oi(scales.scale(g), patches_bcyx.shape[-1], out_size) for g in elements])
    weights_goi = weights_goi.to(patches_bcyx)
    rows_bgcox = torch.einsum("gpy,bcyx->bgcpx", weights_goi, patches_bcyx)
    return torch.einsum("bgcpx,gqx->bgcpq", rows_bgcox, weights_goi)
