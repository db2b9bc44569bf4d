"""Optimised images of the features that a person would look at first, as rows of `feature_visualisations`."""

import polars
import torch

from tasks.activations.plan import loaded_network
from tasks.dictionary.store import describe, load_dictionary
from tasks.keys import content_key
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.staging import is_staged, read_staged, stage_tables
from tasks.vision.images import webp
from tasks.vision.visualise import VisualisationConfig, visualise

CODE_VERSION = 1


def visualise_features(
    dictionary: str, analysis: str, count: int, settings: Settings, progress: Progress = silent
) -> str:
    """Images that excite and that quiet the `count` features to look at first; returns the frames' key.

    analysis: key of the frames that say which those are, of `analyse_tuning` (SAE) or `analyse` (group crosscoder).
    A feature's direction is what its encoder reads, of the untransformed patch. progress: in optimiser steps.
    """
    config = VisualisationConfig()
    key = content_key("pictures", CODE_VERSION, dictionary=dictionary, analysis=analysis, count=count, config=config)
    if is_staged(key, settings):
        return key
    description = describe(dictionary, settings)
    features = look_first(read_staged(analysis, settings))[:count]
    excite_nd = load_dictionary(dictionary, settings).encoder_weight_hmd()[0, features]
    network = loaded_network(description["network"], settings.weights_dir)
    directions_nd = torch.cat([excite_nd, -excite_nd])
    images_ncyx = visualise(network, description["layer"], directions_nd, config, progress)
    frame = polars.DataFrame(
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
    stage_tables(key, {"feature_visualisations": frame}, settings)
    return key


def look_first(analysis: dict[str, polars.DataFrame]) -> list[int]:
    """Features in the order in which they are worth a look: missing curve detectors, then the surest of each type.

    Types (of stimuli for an SAE, of symmetry for a group crosscoder) take turns, so that none fills the beginning.
    """
    if "feature_symmetry" in analysis:
        return _by_turns(analysis["feature_symmetry"], "feature", "type")
    detectors = analysis["curve_detectors"].filter("missing")
    missing = detectors.sort("natural_correlation", "unit", descending=[True, False])["unit"].to_list()
    known = analysis["unit_tuning"].filter(~polars.col("stimulus_type").is_in(["other", "mixed"]))
    return list(dict.fromkeys([*missing, *_by_turns(known, "unit", "stimulus_type")]))


def _by_turns(units: polars.DataFrame, unit: str, kind: str) -> list[int]:
    surest_first = units.sort("confidence", unit, descending=[True, False])
    turn = polars.int_range(polars.len()).over(kind).alias("turn")
    return surest_first.with_columns(turn).sort("turn", kind, maintain_order=True)[unit].to_list()
