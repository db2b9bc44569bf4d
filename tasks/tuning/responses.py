"""What units answer to pictures: neurons through the network, features read from the neurons at no second pass."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from tasks.activations.extractors import unit_extractor
from tasks.activations.plan import loaded_network
from tasks.dictionary.base import Dictionary
from tasks.errors import UserError
from tasks.progress import Progress, silent
from tasks.vision.networks import Network
from tasks.vision.stimuli import Stimuli, stimuli

Encode = Callable[[Tensor], Tensor]
"""Raw rows [b, d] of a layer -> units [b, m]: a dictionary's `encode`."""
PICTURES = 256
"""Pictures in memory at a time."""
ROWS = 2048
"""Rows encoded at a time: a wide dictionary's dense features are large."""


@torch.no_grad()
def neuron_responses(network: Network, layer_name: str, seen: Stimuli, progress: Progress = silent) -> Tensor:
    """float32 [stimuli, channels]: the layer's unit at each picture, of its receptive field's size.

    progress: in pictures. UserError as `unit_extractor`, ValueError for pictures of another size.
    """
    extractor = unit_extractor(network, layer_name)
    found, done = [], 0
    for pictures_ncyx in seen.batches(PICTURES):
        found.append(extractor(pictures_ncyx))
        done += len(pictures_ncyx)
        progress(done, len(seen.table))
    return torch.cat(found)


def encoder_of(dictionary: Dictionary) -> Encode:
    """How a dictionary encodes pictures, each shown as it is. UserError for one that encodes whole orbits."""
    if dictionary.reads_all_blocks:
        raise UserError(
            f"a {dictionary.config.name} with encode_from = orbit encodes whole orbits, and a drawn stimulus is one "
            "picture: take an SAE or encode_from = identity"
        )
    return (lambda rows_bd: dictionary.encode(rows_bd[:, None])) if dictionary.is_crosscoder else dictionary.encode


@torch.no_grad()
def encoded(acts_nd: Tensor, encode: Encode | None) -> Tensor:
    """[n, units]: the neurons themselves, or what `encode` makes of them."""
    return acts_nd if encode is None else torch.cat([encode(rows_bd) for rows_bd in acts_nd.split(ROWS)])


@lru_cache(maxsize=2)
def layer_responses(
    network_name: str, layer_name: str, weights_dir: Path | None, step_degrees: float
) -> tuple[Stimuli, Tensor]:
    """All stimuli for a layer's receptive field and its neurons' responses; kept for all dictionaries of the layer."""
    network = loaded_network(network_name, weights_dir)
    seen = stimuli(network.layer(layer_name).receptive_field, step_degrees)
    return seen, neuron_responses(network, layer_name, seen)
