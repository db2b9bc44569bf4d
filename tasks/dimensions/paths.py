"""Points along tuning dimensions as pictures, and what an estimate that asks no network sees in them (methods §6).

The point with score t on dimension k is mean + t · direction, after Dey et al. 2020 [paper]; its picture is made by
feature inversion, with the optimiser of feature visualisation. What is ours: the picture is a texture, and the mean of
its units lies along the point. A point is a mean of many rows, which no one patch can be (of filters in opposite phases
one is silent): on the Gabor bank one unit's cosine to its point stops at 0.6, a texture's reaches 0.95. A cosine leaves
out a point's length: what merely scales the whole layer is not to be seen in these pictures.
"""

import numpy as np
import polars
import torch

from tasks.activations.plan import ExtractionPlan, loaded_network
from tasks.dictionary.store import load_dictionary
from tasks.dimensions.analyse import POINTS
from tasks.keys import content_key
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.staging import is_staged, read_staged, stage_tables
from tasks.vision.images import webp
from tasks.vision.structure import estimate
from tasks.vision.visualise import VisualisationConfig, visualise

CODE_VERSION = 1
CONFIG = VisualisationConfig(objective="channel", channel_size=96, cosine_power=2, steps=64)
PARAMETERS = ("orientation", "frequency")
"""What pictures are judged by."""


def shown_dimensions(analysis: str, count: int, settings: Settings) -> list[int]:
    """The first `count` dimensions of the frames of `analyse_dimensions`, and those assigned to one of PARAMETERS."""
    scores = read_staged(analysis, settings)["tuning_scores"]
    assigned = polars.col("assigned") & polars.col("parameter").is_in(PARAMETERS)
    return scores.filter((polars.col("dimension") < count) | assigned)["dimension"].unique().sort().to_list()


def render_path(analysis: str, dimension: int, settings: Settings, progress: Progress = silent) -> str:
    """Frames of `dimension_paths` and of `dimension_pictures`, rendered, of one dimension; returns their key.

    analysis: key of the frames of `analyse_dimensions`. A point of a dictionary's features is what these write into the
    untransformed layer. progress: in optimiser steps. UserError where the analysis or what it was made from is missing.
    """
    key = content_key("dimension path", CODE_VERSION, analysis=analysis, dimension=dimension, config=CONFIG)
    if is_staged(key, settings):
        return key
    tables = read_staged(analysis, settings)
    [about] = tables["dimension_analyses"].to_dicts()
    [found] = tables["tuning_dimensions"].filter(dimension=dimension).to_dicts()
    scores_p = np.linspace(found["low"], found["high"], POINTS)
    points_pd = torch.from_numpy(np.array(about["mean"]) + np.outer(scores_p, found["direction"])).float()
    if about["dictionary_id"]:
        dictionary = load_dictionary(about["dictionary_id"], settings)
        [weight_md], [bias_d] = dictionary.decoder_blocks(1)
        points_pd = (points_pd @ weight_md + bias_d) / dictionary.scale

    extraction = ExtractionPlan.open(about["activation_set_id"], settings).config
    network = loaded_network(extraction.network, settings.weights_dir)
    images_pcyx = visualise(network, extraction.layer, points_pd, CONFIG, progress)
    pictures = polars.DataFrame(
        {
            "dimension_analysis_id": analysis,
            "dimension": dimension,
            "kind": "rendered",
            "place": np.arange(POINTS),
            "score": scores_p,
            **estimate(images_pcyx).to_dict(),
            "picture": [webp(image_cyx * 255) for image_cyx in images_pcyx],
        }
    )
    stage_tables(key, {"dimension_pictures": pictures, "dimension_paths": paths(pictures, tables)}, settings)
    return key


def paths(pictures: polars.DataFrame, analysis: dict[str, polars.DataFrame]) -> polars.DataFrame:
    """`dimension_paths` of one dimension's rendered pictures, by the frames of its analysis.

    Orientation is taken as coherence · cos 2(θ − preferred), from −1, all bars across the preferred ones, to 1;
    frequency as octaves, upwards where the score rises with the frequency of gratings. A picture that shows neither,
    for it is uniform, has the coherence 0 and no frequency.
    """
    path = pictures.sort("place")
    [dimension] = path["dimension"].unique()
    found = []
    for parameter in PARAMETERS:
        [row] = analysis["tuning_scores"].filter(dimension=dimension, parameter=parameter).to_dicts()
        if parameter == "orientation":
            turn = (path["orientation_degrees"].fill_null(0) - row["preferred"]).radians() * 2
            seen, whole, sign = path["coherence"] * turn.cos(), 2.0, 1.0
        else:
            curve = analysis["dimension_curves"].filter(dimension=dimension, parameter=parameter)
            octaves = np.log2(curve["value"].to_numpy())
            seen, whole = path["spatial_frequency"].log(2), np.ptp(octaves)
            sign = np.sign(np.cov(octaves, curve["mean"].to_numpy())[0, 1])
        found.append(
            {
                "dimension_analysis_id": row["dimension_analysis_id"],
                "dimension": dimension,
                "parameter": parameter,
                "intended": row["assigned"],
                "spearman": float(sign * rank_correlation(path["score"], seen)),
                "drift": ((seen.max() or 0.0) - (seen.min() or 0.0)) / whole,
            }
        )
    return polars.DataFrame(found)


def rank_correlation(points: polars.Series, seen: polars.Series) -> float:
    """Spearman's; of what was seen, changes by rounding alone have no rank, and what never changes has 0."""
    from scipy.stats import spearmanr

    both = polars.DataFrame({"point": points, "seen": seen.round(6)}).drop_nulls()
    return spearmanr(both["point"], both["seen"]).statistic if both["seen"].n_unique() > 1 else 0.0
