"""The numbers that a shard holds: half or single precision, 8-bit integers, or Fourier coefficients of each orbit.

`float16`    `acts` [orbits, |G|, channels]: 2 bytes a number
`float32`    `acts` [orbits, |G|, channels]: 4 bytes a number, nothing is rounded
`int8`       `acts` [orbits, |G|, channels], 1 byte a number, and `step_c` float32 [channels]: the activation is
             acts · step_c. A channel's step is its largest absolute value in the shard / 127, so that an activation
             changes by at most half a step.
`fourier-K`  `coefficients` float16 [orbits, Q, channels] in the basis of `tasks.symmetry.fourier.fourier_basis`:
             (2K + 1) / n of the bytes of float16, one coefficient less for each series if K = n/2. The waves of order
             above K are left out, of the rotations and of the reflections each; for K = n // 2 there are none, and
             only the coefficients' half precision is left as an error.
"""

import re
from typing import Annotated

import torch
from torch import Tensor

from tasks.config import choices
from tasks.errors import UserError
from tasks.symmetry.fourier import fourier_basis
from tasks.symmetry.group import DihedralGroup
from tasks.symmetry.transformations import Transformations

DEFAULT = "float16"
OF_NUMBERS = (DEFAULT, "float32", "int8")
"""The formats that hold every activation of an orbit."""
FOURIER = re.compile(r"fourier-(0|[1-9]\d{0,3})")
LARGEST_INT8 = 127

NumberFormat = Annotated[str, choices("numbers", (*OF_NUMBERS, "fourier-2", "fourier-4", "fourier-8"), "fourier-K")]


def check_format(number_format: str, group: Transformations) -> None:
    """Raise UserError unless a format exists and fits the transformations: Fourier series need rotations, K ≤ n/2."""
    if number_format in OF_NUMBERS:
        return
    order = fourier_order(number_format)
    if order is None:
        raise UserError(f"storage = {number_format} is unknown: set {', '.join(OF_NUMBERS)} or fourier-K, as fourier-4")
    if not isinstance(group, DihedralGroup) or group.n_rotations == 1:
        raise UserError(f"storage = {number_format} is for rotations, and here are none: set {' or '.join(OF_NUMBERS)}")
    if order > group.n_rotations // 2:
        raise UserError(
            f"storage = {number_format} is more than {group.n_rotations} rotations can represent: "
            f"set at most fourier-{group.n_rotations // 2}"
        )


def fourier_order(number_format: str) -> int | None:
    """Return K of the format fourier-K; None for the others."""
    found = FOURIER.fullmatch(number_format)
    return int(found[1]) if found else None


def largest(number_format: str, group: Transformations) -> float:
    """Return the absolute value up to which activations can always be stored."""
    if number_format in ("float32", "int8"):
        return torch.finfo(torch.float32).max / 2  # int8: 127 times a rounded step is finite too
    half = torch.finfo(torch.float16).max
    # a coefficient is at most √n times the largest activation: the basis is orthonormal, a series has n terms
    return half if number_format == DEFAULT else half / group.n_rotations**0.5


def computed_as(number_format: str) -> torch.dtype:
    """Return the type of the activations that `encode` takes: they are not rounded twice."""
    return torch.float16 if number_format == DEFAULT else torch.float32


def encode(acts_rgc: Tensor, number_format: str, group: Transformations) -> dict[str, Tensor]:
    """Return the tensors of a shard by name. acts_rgc: activations [orbits, |G|, channels] up to `largest`."""
    if number_format == "int8":
        step_c = acts_rgc.abs().amax((0, 1)).float() / LARGEST_INT8
        steps_rgc = torch.where(step_c > 0, acts_rgc / step_c, 0)
        return {"acts": steps_rgc.round().clamp(-LARGEST_INT8, LARGEST_INT8).to(torch.int8), "step_c": step_c}
    order = fourier_order(number_format)
    if order is None:
        return {"acts": acts_rgc}
    return {"coefficients": torch.einsum("gq,rgc->rqc", _basis_gq(group, order), acts_rgc).half().contiguous()}


def decode(tensors: dict[str, Tensor], number_format: str, group: Transformations) -> Tensor:
    """Return the activations [orbits, |G|, channels] of a shard's tensors: as stored, float32 where they are decoded.

    Raises KeyError if a tensor is missing.
    """
    if number_format == "int8":
        return tensors["acts"] * tensors["step_c"]
    order = fourier_order(number_format)
    if order is None:
        return tensors["acts"]
    return torch.einsum("gq,rqc->rgc", _basis_gq(group, order), tensors["coefficients"].float())


def _basis_gq(group: Transformations, order: int) -> Tensor:
    return torch.from_numpy(fourier_basis(group, order)).float()
