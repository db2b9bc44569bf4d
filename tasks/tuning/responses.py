"""Responses of units to drawn stimuli.

The network computes the neurons' responses once; those of a dictionary's features are encoded from them by
tasks/dictionary/encode.py.
"""

from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from tasks.activations.extractors import unit_extractor
from tasks.activations.unit_patches import AT_RECEPTIVE_FIELD, UnitPatch
from tasks.progress import Progress, silent
from tasks.vision.gratings import Gratings
from tasks.vision.network import Network
from tasks.vision.networks import load_network
from tasks.vision.stimuli import Stimuli, stimuli

PICTURES = 256
"""Number of pictures in memory at a time."""


@torch.no_grad()
def neuron_responses(
    network: Network,
    layer_name: str,
    layer_stimuli: Stimuli | Gratings,
    centre: tuple[int, int] = AT_RECEPTIVE_FIELD,
    progress: Progress = silent,
) -> Tensor:
    """Return the layer's responses to each stimulus, float32 [stimuli, channels].

    centre: of the stimuli, as in `UnitPatch`, whose side they must have. progress counts pictures. Raises UserError as
    `unit_extractor` does, and ValueError for stimuli of another size.
    """
    extractor = unit_extractor(network, layer_name, centre)
    responses, done = [], 0
    for pictures_ncyx in layer_stimuli.batches(PICTURES):
        responses.append(extractor(pictures_ncyx))
        done += len(pictures_ncyx)
        progress(done, len(layer_stimuli.table))
    return torch.cat(responses)


@lru_cache(maxsize=2)
def layer_responses(
    network_name: str, layer_name: str, centre: tuple[int, int], weights_dir: Path | None, step_degrees: float
) -> tuple[Stimuli, Tensor]:
    """Return all stimuli at the size of a unit's patch, and the layer's responses to them [stimuli, channels].

    centre: of the patch, as in `UnitPatch`.

    Cached, since all dictionaries of a layer need the same responses.
    """
    network = load_network(network_name, weights_dir)
    patch = UnitPatch(network.layer(layer_name).within(network.input_size), centre)
    layer_stimuli = stimuli(patch.side, step_degrees)
    return layer_stimuli, neuron_responses(network, layer_name, layer_stimuli, centre)
