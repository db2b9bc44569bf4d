"""What a dictionary's features answer: how strongly to natural images, and to which drawn stimuli (methods §4, §5).

The kind of stimulus that a feature answers most is the ground truth that families are scored against: it comes from
the network's responses to pictures and knows nothing of blocks.
"""

from dataclasses import dataclass

import numpy as np
import torch

from tasks.activations.shards import ActivationSet
from tasks.dictionary.base import Dictionary
from tasks.dictionary.rows import every_row
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.tuning.curves import stimulus_types
from tasks.tuning.responses import encoded, encoder_of, layer_responses
from tasks.vision.stimuli import LARGEST_STEP

UNCLEAR = ("mixed", "other")
"""Types that name no kind of stimulus."""


@dataclass(frozen=True)
class FeatureResponses:
    """Of each feature [m]: maxima over all rows of the activation set, 0 where it is dead; types, confidence:
    `stimulus_types`, None for a dictionary that encodes whole orbits, of which a drawn stimulus has none."""

    maxima_m: np.ndarray
    types_m: np.ndarray | None
    confidence_m: np.ndarray | None

    @property
    def live(self) -> np.ndarray:
        """Numbers of the features that fire on some row."""
        return np.flatnonzero(self.maxima_m > 0)


def feature_responses(
    dictionary: Dictionary, acts: ActivationSet, settings: Settings, progress: Progress = silent
) -> FeatureResponses:
    """Show a dictionary all rows of its activation set, and all drawn stimuli. progress: in shards."""
    maxima_m = torch.zeros(dictionary.config.features)
    blocks = acts.group.order if dictionary.reads_all_blocks else 1
    for done, shard in enumerate(acts.shards, start=1):
        for _, x_gbd in every_row(acts, dictionary.config, shard, blocks):
            values_bk, indices_bk = dictionary.encode_active(x_gbd * dictionary.scale)
            maxima_m.scatter_reduce_(0, indices_bk.flatten(), values_bk.flatten(), "amax")
        progress(done, len(acts.shards))
    if dictionary.reads_all_blocks:
        return FeatureResponses(maxima_m.numpy(), None, None)
    seen, acts_nd = layer_responses(acts.config.network, acts.config.layer, settings.weights_dir, LARGEST_STEP)
    responses_nm = encoded(acts_nd, encoder_of(dictionary)).numpy()
    types_m, confidence_m, _ = stimulus_types(seen.table["family"].to_numpy(), responses_nm, maxima_m.numpy())
    return FeatureResponses(maxima_m.numpy(), types_m, confidence_m)
