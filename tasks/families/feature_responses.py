"""Responses of a dictionary's features to natural images and to drawn stimuli (methods §4, §5).

Families are scored against the stimulus type of each feature. It serves as ground truth because it comes from the
features' responses to images only, independently of their decoder blocks.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tasks.activations.shards import ActivationSet
from tasks.dictionary.base import Dictionary
from tasks.dictionary.encode import activations_of_orbits, encoded, encoder_of
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.symmetry.group import DihedralGroup
from tasks.tuning.curves import stimulus_types
from tasks.tuning.responses import layer_responses, stimulus_orbits
from tasks.vision.names import FAMILIES
from tasks.vision.stimuli import LARGEST_STEP, Stimuli

UNCLEAR = ("mixed", "other")
"""Values of `types_m` for features without a clear stimulus type."""


@dataclass(frozen=True)
class FeatureResponses:
    """Feature responses of a dictionary.

    maxima_m: [m], maximum over all rows of the activation set; 0 for a dead feature
    types_m, confidence_m: [m], the result of `stimulus_types`; None for a dictionary that encodes whole orbits of hue
    or scale, since no stimuli are drawn for them
    """

    maxima_m: np.ndarray
    types_m: np.ndarray | None
    confidence_m: np.ndarray | None

    @property
    def live(self) -> np.ndarray:
        """Indices of the features that fire on at least one row."""
        return np.flatnonzero(self.maxima_m > 0)


def feature_responses(
    dictionary: Dictionary, acts: ActivationSet, settings: Settings, progress: Progress = silent
) -> FeatureResponses:
    """Compute the features' responses to all rows of the activation set and to all drawn stimuli.

    progress counts shards.
    """
    maxima_m = torch.zeros(dictionary.config.features)
    for done, shard in enumerate(acts.shards, start=1):
        readings = activations_of_orbits(dictionary, acts.read(shard.index), acts.group, dictionary.config.orbit_reuse)
        for _, values_bk, indices_bk in readings:
            maxima_m.scatter_reduce_(0, indices_bk.flatten(), values_bk.flatten(), "amax")
        progress(done, len(acts.shards))
    unit = (acts.config.network, acts.config.layer, acts.plan.patch.centre, settings.weights_dir, LARGEST_STEP)
    if not dictionary.reads_all_blocks:
        stimuli, acts_nd = layer_responses(*unit)
        family_n, responses_nm = stimuli.table["family"].to_numpy(), encoded(acts_nd, encoder_of(dictionary)).numpy()
    elif isinstance(acts.group, DihedralGroup) and acts.group.transformations == "rotations":
        stimuli, acts_ngd = stimulus_orbits(*unit, acts.group)
        family_n, responses_nm = np.array(FAMILIES), largest_by_family(dictionary, acts, stimuli, acts_ngd).numpy()
    else:
        return FeatureResponses(maxima_m.numpy(), None, None)
    types_m, confidence_m, _ = stimulus_types(family_n, responses_nm, maxima_m.numpy())
    return FeatureResponses(maxima_m.numpy(), types_m, confidence_m)


def largest_by_family(dictionary: Dictionary, acts: ActivationSet, stimuli: Stimuli, acts_ngd: Tensor) -> Tensor:
    """Return the features' largest response to a family of stimuli in any orientation, [len(FAMILIES), m].

    Each orbit is read from every element on. It then is the orbit of the turned stimulus. All copies of a steerable
    crosscoder's prototype get the largest response of any: only one is active on a row, and to a stimulus that its own
    turns leave as it is, always the same one.
    """
    largest_fm = torch.zeros(len(FAMILIES), dictionary.config.features)
    for place, family in enumerate(FAMILIES):
        of_family = acts_ngd[stimuli.table["family"].eq(family).to_torch()]
        for _, values_nk, indices_nk in activations_of_orbits(dictionary, of_family, acts.group, orbit_reuse=True):
            largest_fm[place].scatter_reduce_(0, indices_nk.flatten(), values_nk.flatten(), "amax")
    if dictionary.turns is None:
        return largest_fm
    return largest_fm.unflatten(1, (-1, acts.group.order)).amax(2).repeat_interleave(acts.group.order, dim=1)
