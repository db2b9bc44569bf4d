"""Encoding of single rows of a layer, in chunks, with any dictionary."""

from collections.abc import Callable

import torch
from torch import Tensor

from tasks.dictionary.base import Dictionary
from tasks.errors import UserError

Encode = Callable[[Tensor], Tensor]
"""Function from unscaled rows [b, d] of a layer to features [b, m]."""
ROWS = 2048
"""Number of rows encoded at a time; bounds the memory for dense features [rows, m]."""


def encoder_of(dictionary: Dictionary, codes: bool = False) -> Encode:
    """Return the function that encodes single rows with a dictionary. Raises UserError if it encodes whole orbits.

    codes: return the codes of all atoms, [b, a], in place of features
    """
    if dictionary.reads_all_blocks:
        raise UserError(
            f"a {dictionary.config.name} with encode_from = orbit encodes whole orbits, but a drawn stimulus is a "
            "single picture: use an SAE or encode_from = identity"
        )
    encode = dictionary.code if codes else dictionary.encode
    return (lambda rows_bd: encode(rows_bd[:, None])) if dictionary.is_crosscoder else encode


@torch.no_grad()
def encoded(acts_nd: Tensor, encode: Encode | None) -> Tensor:
    """Return acts_nd encoded in chunks, [n, units], or unchanged (the neurons themselves) if `encode` is None."""
    return acts_nd if encode is None else torch.cat([encode(rows_bd) for rows_bd in acts_nd.split(ROWS)])
