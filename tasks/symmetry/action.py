"""The action of the dihedral group on images, by resampling around a patch's centre (methods §2)."""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F

from tasks.symmetry.group import DihedralGroup


def source_side(side: int) -> int:
    """Return the smallest side ≥ √2 · side with the same parity.

    The inscribed disc of a source patch of this side contains a side × side square. With the same parity both squares
    have the same centre: a pixel if the side is odd, a corner between pixels if it is even.
    """
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
    patches_bcyx: torch.Tensor, elements: Sequence[int] | np.ndarray, group: DihedralGroup, out_size: int
) -> torch.Tensor:
    """Transform each patch around its centre by each g of `elements`.

    Returns [b, len(elements), c, out_size, out_size].

    patches_bcyx: float, square, with a side ≥ source_side(out_size) and of out_size's parity, so that no pixel outside
    the patch is needed. Resampling is bilinear; for multiples of 90°, mirrored or not, it is an exact permutation of
    pixels. Raises ValueError for a patch of another shape. Source: ours (methods §2).
    """
    batch, channels, height, side = patches_bcyx.shape
    if height != side or side < source_side(out_size) or (side - out_size) % 2:
        raise ValueError(
            f"a {height}×{side} patch can't be rotated into {out_size}×{out_size}: "
            f"it needs a side of {source_side(out_size)} pixels, or an even number more"
        )
    elements = [int(g) for g in elements]
    resampled = []
    out_bgcyx = patches_bcyx.new_empty(batch, len(elements), channels, out_size, out_size)

    margin = (side - out_size) // 2
    centre_bcyx = patches_bcyx[..., margin : margin + out_size, margin : margin + out_size]
    for k, g in enumerate(elements):
        quarters = group.quarter_turns(g)
        if quarters is None:
            resampled.append(k)
            continue
        mirrored = centre_bcyx.flip(-1) if group.is_reflection(g) else centre_bcyx
        out_bgcyx[:, k] = torch.rot90(mirrored, quarters, dims=(-2, -1))

    if resampled:
        grids_gyx2 = _grids_gyx2(group, side, out_size)[[elements[k] for k in resampled]]
        # all patches are channels of one image, so that a grid's bilinear weights are computed once for all of them
        planes = patches_bcyx.reshape(1, batch * channels, side, side).expand(len(resampled), -1, -1, -1)
        transformed = F.grid_sample(planes, grids_gyx2.to(planes), mode="bilinear", align_corners=True)
        out_bgcyx[:, resampled] = transformed.unflatten(1, (batch, channels)).transpose(0, 1)
    return out_bgcyx
