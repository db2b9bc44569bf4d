"""Responses of units to drawn stimuli.

The network computes the neurons' responses once; those of a dictionary's features are encoded from them.
"""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from tasks.activations.extractors import unit_extractor
from tasks.dictionary.base import Dictionary
from tasks.errors import UserError
from tasks.progress import Progress, silent
from tasks.vision.gratings import Gratings
from tasks.vision.networks import Network, load_network
from tasks.vision.stimuli import Stimuli, stimuli

Encode = Callable[[Tensor], Tensor]
"""Function from unscaled rows [b, d] of a layer to features [b, m]."""
PICTURES = 256
"""Number of pictures in memory at a time."""
ROWS = 2048
"""Number of rows encoded at a time; bounds the memory for dense features [rows, m]."""


@torch.no_grad()
def neuron_responses(
    network: Network, layer_name: str, layer_stimuli: Stimuli | Gratings, progress: Progress = silent
) -> Tensor:
    """Return the layer's responses to each stimulus, float32 [stimuli, channels].

    The stimuli must have the size of the layer's receptive field. progress counts pictures. Raises UserError as
    `unit_extractor` does, and ValueError for stimuli of another size.
    """
    extractor = unit_extractor(network, layer_name)
    responses, done = [], 0
    for pictures_ncyx in layer_stimuli.batches(PICTURES):
        responses.append(extractor(pictures_ncyx))
        done += len(pictures_ncyx)
        progress(done, len(layer_stimuli.table))
    return torch.cat(responses)


def encoder_of(dictionary: Dictionary) -> Encode:
    """Return the function that encodes single rows with a dictionary. Raises UserError if it encodes whole orbits."""
    if dictionary.reads_all_blocks:
        raise UserError(
            f"a {dictionary.config.name} with encode_from = orbit encodes whole orbits, but a drawn stimulus is a "
            "single picture: use an SAE or encode_from = identity"
        )
    return (lambda rows_bd: dictionary.encode(rows_bd[:, None])) if dictionary.is_crosscoder else dictionary.encode


@torch.no_grad()
def encoded(acts_nd: Tensor, encode: Encode | None) -> Tensor:
    """Return acts_nd encoded in chunks, [n, units], or unchanged (the neurons themselves) if `encode` is None."""
    return acts_nd if encode is None else torch.cat([encode(rows_bd) for rows_bd in acts_nd.split(ROWS)])


@lru_cache(maxsize=2)
def layer_responses(
    network_name: str, layer_name: str, weights_dir: Path | None, step_degrees: float
) -> tuple[Stimuli, Tensor]:
    """Return all stimuli at the size of a layer's receptive field, and its neurons' responses [stimuli, channels].

    Cached, since all dictionaries of a layer need the same responses.
    """
    network = load_network(network_name, weights_dir)
    side = network.layer(layer_name).within(network.input_size).receptive_field
    layer_stimuli = stimuli(side, step_degrees)
    return layer_stimuli, neuron_responses(network, layer_name, layer_stimuli)
