"""The precision of a network's convolutions in an extraction: float32, or bfloat16 if the processor multiplies it."""

from contextlib import AbstractContextManager
from typing import Literal

import torch

from tasks.errors import UserError

Precision = Literal["float32", "bfloat16"]
INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")
"""PyTorch's names of what x86 and ARM processors multiply bfloat16 with; without, it takes longer than float32."""


def check_precision(precision: Precision) -> None:
    """Raise UserError if this machine's processor has no instructions for the precision."""
    found = torch.cpu.get_capabilities()
    if precision == "bfloat16" and not any(found.get(name) for name in INSTRUCTIONS):
        raise UserError(
            "precision=bfloat16 needs a processor that multiplies bfloat16 (on x86: avx512_bf16 or amx_bf16), and this "
            "machine's does not: use float32"
        )


def computing_in(precision: Precision) -> AbstractContextManager:
    """Return the context in which PyTorch computes convolutions and products in a precision, in the caller's thread.

    bfloat16: inputs and weights are rounded to 8 bits, products are summed in float32, and results are rounded again.
    """
    return torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")
