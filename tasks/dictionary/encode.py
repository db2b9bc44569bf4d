"""Encoding of single rows of a layer, in chunks, and of stored orbits, with any dictionary."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from tasks.dictionary.base import Dictionary
from tasks.dictionary.rows import rows_of_orbits
from tasks.errors import UserError
from tasks.symmetry.transformations import Transformations

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


@torch.no_grad()
def activations_of_orbits(
    dictionary: Dictionary, acts_rgc: Tensor, group: Transformations, orbit_reuse: bool
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Yield (g₀, values_rk, features_rk) of orbits read with each element g₀ in the place of the identity.

    acts_rgc: unscaled, [r, |G|, d]. values_rk: how active the features `features_rk` are, ≥ 0. Without orbit reuse, g₀
    is the identity only. A steerable crosscoder encodes the first reading alone, whose code it turns for the others.
    """
    turns = dictionary.turns
    config = dictionary.config.model_copy(update={"orbit_reuse": orbit_reuse and turns is None})
    blocks = group.order if dictionary.reads_all_blocks else 1
    for stand_in, x_gbd in rows_of_orbits(acts_rgc, group, config, blocks):
        values_rk, features_rk = dictionary.activations(*dictionary.encode_active(x_gbd * dictionary.scale))
        yield stand_in, values_rk, features_rk
    if turns is not None and orbit_reuse:
        for stand_in in range(1, group.order):
            yield stand_in, values_rk, turns.turned(features_rk, stand_in)
