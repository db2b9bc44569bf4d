"""Optimise images for a dictionary's most interesting features, as rows of `feature_visualisations` (methods §5)."""

import polars
import torch

from tasks.dictionary.base import Dictionary
from tasks.dictionary.priorities import by_turns
from tasks.dictionary.store import describe, load_dictionary
from tasks.keys import content_key
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.staging import is_staged, read_staged, stage_tables
from tasks.vision.images import webp
from tasks.vision.networks import load_network
from tasks.vision.visualise import VisualisationConfig, visualise

CODE_VERSION = 1


def visualise_features(
    dictionary: str, analysis: str, count: int, settings: Settings, progress: Progress = silent
) -> str:
    """Stage images that excite and images that suppress the first `count` of `features_to_visualise`; return the key.

    analysis: key of the staged tables that order the features: from `analyse_tuning` for an SAE, from `analyse` for a
    group crosscoder. The optimised direction is the feature's encoder weight for the untransformed patch. progress
    counts optimiser steps.
    """
    config = VisualisationConfig()
    key = content_key("pictures", CODE_VERSION, dictionary=dictionary, analysis=analysis, count=count, config=config)
    if is_staged(key, settings):
        return key
    description = describe(dictionary, settings)
    features = features_to_visualise(read_staged(analysis, settings))[:count]
    excite_nd = encoder_directions(load_dictionary(dictionary, settings))[features]
    network = load_network(description["network"], settings.weights_dir)
    directions_nd = torch.cat([excite_nd, -excite_nd])
    images_ncyx = visualise(network, description["layer"], directions_nd, config, progress)
    table = polars.DataFrame(
        {
            "dictionary_id": dictionary,
            "feature": features * 2,
            "direction": ["positive"] * len(features) + ["negative"] * len(features),
            "picture": [webp(image_cyx * 255) for image_cyx in images_ncyx],
        },
        schema={
            "dictionary_id": polars.String,
            "feature": polars.Int64,
            "direction": polars.String,
            "picture": polars.Binary,
        },
    )
    stage_tables(key, {"feature_visualisations": table}, settings)
    return key


def encoder_directions(dictionary: Dictionary) -> torch.Tensor:
    """Return each feature's encoder vector for the untransformed patch, [m, d].

    Of a feature of several dimensions, the direction to which its encoder vectors respond most.
    """
    weight_ad = dictionary.encoder_weight_hmd()[0]
    if dictionary.config.atom_dimension == 1:
        return weight_ad
    weight_mjd = weight_ad.unflatten(0, (-1, dictionary.config.atom_dimension))
    return torch.linalg.svd(weight_mjd, full_matrices=False).Vh[:, 0]


def features_to_visualise(analysis: dict[str, polars.DataFrame]) -> list[int]:
    """Return features by priority: missing curve detectors first, then the most confident feature of each type in turn.

    Types are stimulus types for an SAE and symmetry types for a group crosscoder. They alternate, so that no type fills
    the top of the list.
    """
    if "feature_symmetry" in analysis:
        return by_turns(analysis["feature_symmetry"], "feature", "type")
    detectors = analysis["curve_detectors"].filter("missing")
    missing = detectors.sort("natural_correlation", "unit", descending=[True, False])["unit"].to_list()
    known = analysis["unit_tuning"].filter(~polars.col("stimulus_type").is_in(["other", "mixed"]))
    return list(dict.fromkeys([*missing, *by_turns(known, "unit", "stimulus_type")]))
