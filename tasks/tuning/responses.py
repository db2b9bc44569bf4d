"""Responses of units to drawn stimuli, and to stimuli under all rotations and reflections of a group.

The network computes the neurons' responses once; those of a dictionary's features are encoded from them by
tasks/dictionary/encode.py, or from orbits by tasks/families/feature_responses.py.
"""

from functools import lru_cache
from pathlib import Path

import polars
import torch
from torch import Tensor

from tasks.activations.extract import orbits_at_once
from tasks.activations.extractors import unit_extractor
from tasks.activations.unit_patches import AT_RECEPTIVE_FIELD, UnitPatch
from tasks.progress import Progress, silent
from tasks.symmetry.action import source_side, transform_patches
from tasks.symmetry.group import DihedralGroup
from tasks.vision.gratings import Gratings
from tasks.vision.network import Network
from tasks.vision.networks import load_network
from tasks.vision.stimuli import Stimuli, draw, stimuli

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


@lru_cache(maxsize=2)
@torch.no_grad()
def stimulus_orbits(
    network_name: str,
    layer_name: str,
    centre: tuple[int, int],
    weights_dir: Path | None,
    step_degrees: float,
    group: DihedralGroup,
) -> tuple[Stimuli, Tensor]:
    """Return stimuli whose rotations by the group are those of all orientations, and the layer's responses to each.

    Of each kind of stimulus, only those are drawn whose angle is less than one rotation of the group; no angle is then
    further than `step_degrees` from the next. Responses: of the unit to each picture under every element of the group,
    as for photographs, float32 [stimuli, |G|, channels]. centre: of the patch, as in `UnitPatch`. Cached, as
    `layer_responses`. Raises ValueError for a group that doesn't rotate. [ours]
    """
    if group.transformations != "rotations":
        raise ValueError(f"{group.name} doesn't rotate the stimuli")
    network = load_network(network_name, weights_dir)
    patch = UnitPatch(network.layer(layer_name).within(network.input_size), centre)
    every = stimuli(patch.side, step_degrees)
    is_first = (polars.col("angle_degrees") < 360 / group.n_rotations) | polars.col("angle_degrees").is_null()
    drawn = Stimuli(every.side, every.step_degrees, every.table.filter(is_first))
    extractor = unit_extractor(network, layer_name, centre)
    orbits = []
    for rows in drawn.table.iter_slices(orbits_at_once(patch.side, group.order)):
        pictures_ncyx = draw(rows, patch.side, source_side(patch.side, group))
        transformed_ngcyx = transform_patches(pictures_ncyx, group.elements, group, patch.side)
        orbits.append(extractor(transformed_ngcyx.flatten(0, 1)).unflatten(0, (len(rows), group.order)))
    return drawn, torch.cat(orbits)
