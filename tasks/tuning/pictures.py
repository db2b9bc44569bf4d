"""Optimised images of the features that a person would look at first, as rows of `feature_visualisations`."""

import polars
import torch

from tasks.activations.plan import loaded_network
from tasks.dictionary.store import describe, load_dictionary
from tasks.frames import frames_exist, read_frames, write_frames
from tasks.keys import content_key
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.vision.images import webp
from tasks.vision.visualise import VisualisationConfig, visualise

CODE_VERSION = 1


def visualise_features(
    dictionary: str, subject: str, count: int, settings: Settings, progress: Progress = silent
) -> str:
    """Images that excite and that quiet `count` features of an SAE; returns the frames' key.

    subject: key of the tuning frames of the dictionary's features, which say whom to look at first. progress: in
    optimiser steps.
    """
    config = VisualisationConfig()
    key = content_key("pictures", CODE_VERSION, dictionary=dictionary, subject=subject, count=count, config=config)
    if frames_exist(key, settings):
        return key
    description = describe(dictionary, settings)
    features = look_first(read_frames(subject, settings))[:count]
    excite_nd = load_dictionary(dictionary, settings).encoder.weight[features]
    network = loaded_network(description["network"], settings.weights_dir)
    directions_nd = torch.cat([excite_nd, -excite_nd])
    images_ncyx = visualise(network, description["layer"], directions_nd, config, progress)
    frame = polars.DataFrame(
        {
            "dictionary": dictionary,
            "feature": features * 2,
            "direction": ["positive"] * len(features) + ["negative"] * len(features),
            "picture": [webp(image_cyx * 255) for image_cyx in images_ncyx],
        },
        schema={
            "dictionary": polars.String,
            "feature": polars.Int64,
            "direction": polars.String,
            "picture": polars.Binary,
        },
    )
    write_frames(key, {"feature_visualisations": frame}, settings)
    return key


def look_first(tuning: dict[str, polars.DataFrame]) -> list[int]:
    """Features in the order in which they are worth a look: missing curve detectors, then the surest of each type.

    tuning: frames of `analyse_tuning`. Types take turns, so that none fills the beginning.
    """
    missing = tuning["curve_detectors"].filter("missing").sort("natural_correlation", "unit", descending=[True, False])
    units = tuning["unit_tuning"].filter(~polars.col("stimulus_type").is_in(["other", "mixed"]))
    surest_first = units.sort("confidence", "unit", descending=[True, False])
    turn = polars.int_range(polars.len()).over("stimulus_type").alias("turn")
    by_turns = surest_first.with_columns(turn).sort("turn", "stimulus_type", maintain_order=True)
    return list(dict.fromkeys([*missing["unit"].to_list(), *by_turns["unit"].to_list()]))
