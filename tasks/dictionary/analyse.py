"""Run a trained dictionary on every row of its activation set and stage the feature statistics for the warehouse."""

import json

import numpy as np
import polars
import torch
from torch import Tensor

from tasks.activations.shards import ActivationSet
from tasks.activations.top_examples import top_examples
from tasks.dictionary import store
from tasks.dictionary.base import Dictionary
from tasks.dictionary.metrics import cosine_matrix
from tasks.dictionary.rows import every_row
from tasks.keys import content_key
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.staging import is_staged, stage_tables
from tasks.symmetry.action import transform_patches
from tasks.symmetry.blocks import symmetry_tables
from tasks.vision.images import webp

CODE_VERSION = 2
EXAMPLES = 8
NEIGHBOURS = 6
BEST_SCHEMA = {
    "feature": polars.Int64,
    "row": polars.Int64,
    "image": polars.String,
    "element": polars.Int64,
    "activation": polars.Float64,
}


def analysis_key(dictionary_key: str) -> str:
    """Return the content key of a dictionary's analysis."""
    return content_key("analysis", CODE_VERSION, dictionary=dictionary_key)


def analysed(settings: Settings) -> tuple[str, ...]:
    """Return the keys of the trained dictionaries that were analysed: those of the tables.

    Replicas, trained from other seeds to measure stability, are not analysed.
    """
    return tuple(key for key in store.trained(settings) if is_staged(analysis_key(key), settings))


def analyse(dictionary_key: str, settings: Settings, progress: Progress = silent) -> str:
    """Stage the tables from `dictionaries` to `feature_symmetry` of a dictionary and return their content key.

    Tables that are staged already are not computed again.
    """
    key = analysis_key(dictionary_key)
    if is_staged(key, settings):
        return key
    description = store.describe(dictionary_key, settings)
    dictionary = store.load_dictionary(dictionary_key, settings)
    acts = ActivationSet.open(description["activation_set"], settings)
    responses = _responses(dictionary, acts, progress)
    live_m = responses.fired_m > 0
    blocks_mgd = dictionary.blocks()
    training = _training_tables(dictionary_key, settings)
    tables = training | {
        "features": _features_table(dictionary_key, responses),
        "feature_examples": _examples_table(dictionary_key, responses, acts, settings),
        "feature_neighbours": _neighbours_table(dictionary_key, blocks_mgd, live_m),
    }
    if description["group_order"] > 1:
        tables |= symmetry_tables(dictionary_key, blocks_mgd.numpy(), acts.group, live_m.numpy())
    stage_tables(key, tables, settings, dict.fromkeys(training, store.provenance_of(dictionary_key, settings)))
    return key


class _Responses:
    """Running statistics of every feature, and the positions where it is most active.

    best: (feature, row, image, element, activation), strongest first. A feature has at most `EXAMPLES` rows, and at
    most one per image.
    """

    def __init__(self, features: int):
        self.rows = 0
        self.fired_m = torch.zeros(features, dtype=torch.int64)
        self.sum_m = torch.zeros(features, dtype=torch.float64)
        self.best = polars.DataFrame(schema=BEST_SCHEMA)

    def add(self, values_bk: Tensor, indices_bk: Tensor) -> None:
        self.rows += len(values_bk)
        values_n, indices_n = values_bk.flatten(), indices_bk.flatten()
        self.fired_m.index_add_(0, indices_n, (values_n > 0).long())
        self.sum_m.index_add_(0, indices_n, values_n.double())

    def keep_best(self, candidates: polars.DataFrame) -> None:
        self.best = top_examples(polars.concat([self.best, candidates]), "feature", EXAMPLES)

    @property
    def max_m(self) -> np.ndarray:
        max_m = np.zeros(len(self.fired_m))
        np.maximum.at(max_m, self.best["feature"].to_numpy(), self.best["activation"].to_numpy())
        return max_m


def _responses(dictionary: Dictionary, acts: ActivationSet, progress: Progress) -> _Responses:
    config = dictionary.config
    responses = _Responses(config.features)
    blocks = acts.group.order if dictionary.reads_all_blocks else 1
    for done, shard in enumerate(acts.shards):
        rows = acts.rows(shard.index).select(polars.col("row").cast(polars.Int64), "image")
        for stand_in, x_gbd in every_row(acts, config, shard, blocks):
            values_bk, indices_bk = dictionary.encode_active(x_gbd * dictionary.scale)
            responses.add(values_bk, indices_bk)
            place, active = torch.nonzero(values_bk > 0, as_tuple=True)
            position_rows = rows[place.numpy()]
            responses.keep_best(
                position_rows.select(
                    polars.Series("feature", indices_bk[place, active].numpy()),
                    "row",
                    "image",
                    polars.Series("element", np.full(len(place), stand_in)),
                    polars.Series("activation", values_bk[place, active].double().numpy()),
                )
            )
        progress(done + 1, len(acts.shards))
    return responses


def dictionary_row(key: str, settings: Settings) -> polars.DataFrame:
    """Return a trained dictionary's row of the table `dictionaries`."""
    description, config = store.describe(key, settings), store.dictionary_config(key, settings)
    return polars.DataFrame(
        {
            "dictionary_id": [key],
            "activation_set_id": description["activation_set"],
            "architecture": config.architecture,
            "method": config.method,
            "features": config.features,
            "channels": description["channels"],
            "k": config.k if config.has_k else None,
            "group_order": description["group_order"],
            "encode_from": config.encode_from if config.architecture == "group-crosscoder" else None,
            "orbit_reuse": config.orbit_reuse,
            "steps": config.steps,
            "rows_seen": config.steps * config.batch_size,
            "seed": config.seed,
            "train_seconds": store.read_metrics(key, settings)["train_seconds"],
            "config": json.dumps(description["config"]),
        },
        schema_overrides={"encode_from": polars.String, "k": polars.Int32},
    )


def _training_tables(key: str, settings: Settings) -> dict[str, polars.DataFrame]:
    metrics = store.read_metrics(key, settings)
    test_metrics = {name: value for name, value in metrics.items() if name != "train_seconds"}
    dictionary_metrics = polars.DataFrame(
        {"dictionary_id": key, "metric": list(test_metrics), "value": [float(value) for value in test_metrics.values()]}
    )
    dictionary_id = polars.lit(key).alias("dictionary_id")
    return {
        "dictionaries": dictionary_row(key, settings),
        "dictionary_metrics": dictionary_metrics,
        "block_metrics": store.read_table(key, "block_fvu", settings).select(dictionary_id, "element", "fvu"),
        "training_steps": store.read_table(key, "history", settings).select(dictionary_id, "step", "metric", "value"),
    }


def _features_table(key: str, responses: _Responses) -> polars.DataFrame:
    fired = responses.fired_m.numpy()
    return polars.DataFrame(
        {
            "dictionary_id": key,
            "feature": np.arange(len(fired)),
            "atom_dimension": 1,
            "density": fired / responses.rows,
            "mean_activation": responses.sum_m.numpy() / np.maximum(fired, 1),
            "max_activation": responses.max_m,
            "dead": fired == 0,
        }
    )


def _examples_table(key: str, responses: _Responses, acts: ActivationSet, settings: Settings) -> polars.DataFrame:
    rank = polars.int_range(1, polars.len() + 1).over("feature").alias("rank")
    dictionary_id = polars.lit(key).alias("dictionary_id")
    examples = responses.best.select(dictionary_id, "feature", rank, "row", "element", "activation")
    positions = examples.select("row", "element").unique().sort("row", "element")
    patches = positions.with_columns(
        patch=polars.Series(_transformed_patches(positions, acts, settings), dtype=polars.Binary)
    )
    rows = polars.concat([acts.rows(shard.index) for shard in acts.shards])
    return (
        examples.join(patches, on=["row", "element"])
        .join(rows.with_columns(polars.col("row").cast(polars.Int64)), on="row")
        .rename({"image": "image_id"})
        .select("dictionary_id", "feature", "rank", "image_id", "y", "x", "element", "activation", "patch")
        .sort("feature", "rank")
    )


def _transformed_patches(positions: polars.DataFrame, acts: ActivationSet, settings: Settings) -> list[bytes]:
    """Return one WebP image per (row, element): the unit's patch, transformed as it was for the unit."""
    side = acts.plan.patch.side
    patches = []
    for (row,), row_positions in positions.group_by("row", maintain_order=True):
        source = acts.patch(row)[None].float()
        patches_gchw = transform_patches(source, row_positions["element"].to_numpy(), acts.group, side)[0]
        patches += [webp(image_chw) for image_chw in patches_gchw]
    return patches


def _neighbours_table(key: str, blocks_mgd: Tensor, live_m: Tensor) -> polars.DataFrame:
    live = torch.nonzero(live_m)[:, 0]
    cosine = cosine_matrix(blocks_mgd[live], blocks_mgd[live]).fill_diagonal_(-torch.inf)
    count = min(NEIGHBOURS, max(len(live) - 1, 0))
    similarity, neighbour = torch.topk(cosine, count, dim=1)
    return polars.DataFrame(
        {
            "dictionary_id": key,
            "feature": live.repeat_interleave(count).numpy(),
            "rank": np.tile(np.arange(1, count + 1), len(live)),
            "neighbour": live[neighbour].flatten().numpy(),
            "similarity": similarity.clamp(-1, 1).flatten().double().numpy(),
        },
        schema_overrides={"dictionary_id": polars.String},
    )
