"""Render points along tuning dimensions as pictures, and measure the pictures without a network (methods §6).

The point with score t on dimension k is mean + t · direction, after Dey et al. 2020 [paper]. Its picture is computed by
feature inversion with the optimiser of feature visualisation. Ours: the picture is a texture, and the mean activation
over its positions is optimised to have the direction of the point. A point is a mean of many rows and usually not the
activation of any single patch; for example, of two filters in opposite phases one is always silent. On the Gabor bank
the cosine to the point reaches 0.6 for a single unit and 0.95 for a texture. Since a cosine doesn't depend on the
point's length, these pictures can't show a dimension that only scales the whole layer.
"""

import numpy as np
import polars
import torch

from tasks.activations.plan import ExtractionPlan
from tasks.dictionary.store import load_dictionary
from tasks.dimensions.analyse import POINTS
from tasks.keys import content_key
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.staging import is_staged, read_staged, stage_tables
from tasks.vision.images import webp
from tasks.vision.networks import load_network
from tasks.vision.structure import estimate
from tasks.vision.visualise import VisualisationConfig, visualise

CODE_VERSION = 1
CONFIG = VisualisationConfig(objective="channel", channel_size=96, cosine_power=2, steps=64)
PARAMETERS = ("orientation", "frequency")
"""Stimulus parameters that are measured in the pictures."""


def shown_dimensions(analysis: str, count: int, settings: Settings) -> list[int]:
    """Return the first `count` dimensions of an analysis, and those assigned to one of PARAMETERS, sorted.

    analysis: key returned by `analyse_dimensions`.
    """
    scores = read_staged(analysis, settings)["tuning_scores"]
    assigned = polars.col("assigned") & polars.col("parameter").is_in(PARAMETERS)
    return scores.filter((polars.col("dimension") < count) | assigned)["dimension"].unique().sort().to_list()


def render_path(analysis: str, dimension: int, settings: Settings, progress: Progress = silent) -> str:
    """Render one dimension; stage its `dimension_paths` and rendered `dimension_pictures` and return their content key.

    analysis: key returned by `analyse_dimensions`. For a dictionary's features, the point is decoded to activations of
    the untransformed layer first. progress counts optimiser steps. Raises UserError if the analysis, its dictionary or
    its activation set is missing.
    """
    key = content_key("dimension path", CODE_VERSION, analysis=analysis, dimension=dimension, config=CONFIG)
    if is_staged(key, settings):
        return key
    tables = read_staged(analysis, settings)
    [analysis_row] = tables["dimension_analyses"].to_dicts()
    [dimension_row] = tables["tuning_dimensions"].filter(dimension=dimension).to_dicts()
    scores_p = np.linspace(dimension_row["low"], dimension_row["high"], POINTS)
    offsets_pd = np.outer(scores_p, dimension_row["direction"])
    points_pd = torch.from_numpy(np.array(analysis_row["mean"]) + offsets_pd).float()
    if analysis_row["dictionary_id"]:
        dictionary = load_dictionary(analysis_row["dictionary_id"], settings)
        [weight_md], [bias_d] = dictionary.decoder_blocks(1)
        points_pd = (points_pd @ weight_md + bias_d) / dictionary.scale

    extraction = ExtractionPlan.open(analysis_row["activation_set_id"], settings).config
    network = load_network(extraction.network, settings.weights_dir)
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
    """Return `dimension_paths` of one dimension: how the parameters change along its rendered pictures.

    pictures: the dimension's rows of `dimension_pictures`; analysis: the tables of `analyse_dimensions`.

    Orientation is measured as coherence · cos 2(θ − preferred): 1 if all bars have the preferred orientation, −1 if all
    are perpendicular to it. Frequency is measured in octaves; its sign is that of the correlation of the score with the
    frequency of gratings. A uniform picture has the coherence 0 and no frequency.
    """
    path = pictures.sort("place")
    [dimension] = path["dimension"].unique()
    rows = []
    for parameter in PARAMETERS:
        [row] = analysis["tuning_scores"].filter(dimension=dimension, parameter=parameter).to_dicts()
        if parameter == "orientation":
            angle = (path["orientation_degrees"].fill_null(0) - row["preferred"]).radians() * 2
            values, full_range, sign = path["coherence"] * angle.cos(), 2.0, 1.0
        else:
            curve = analysis["dimension_curves"].filter(dimension=dimension, parameter=parameter)
            octaves = np.log2(curve["value"].to_numpy())
            values, full_range = path["spatial_frequency"].log(2), np.ptp(octaves)
            sign = np.sign(np.cov(octaves, curve["mean"].to_numpy())[0, 1])
        rows.append(
            {
                "dimension_analysis_id": row["dimension_analysis_id"],
                "dimension": dimension,
                "parameter": parameter,
                "intended": row["assigned"],
                "spearman": float(sign * rank_correlation(path["score"], values)),
                "drift": ((values.max() or 0.0) - (values.min() or 0.0)) / full_range,
            }
        )
    return polars.DataFrame(rows)


def rank_correlation(points: polars.Series, values: polars.Series) -> float:
    """Return Spearman's rank correlation of values with points, without nulls; 0 for constant values.

    Values are rounded to 6 decimals, so that rounding errors have no influence on the ranks.
    """
    from scipy.stats import spearmanr

    pairs = polars.DataFrame({"point": points, "value": values.round(6)}).drop_nulls()
    return spearmanr(pairs["point"], pairs["value"]).statistic if pairs["value"].n_unique() > 1 else 0.0
