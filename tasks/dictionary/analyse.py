"""Run a trained dictionary on every row of its activation set and stage the feature statistics for the warehouse."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars
import torch
from torch import Tensor

from tasks.activations.shards import ActivationSet
from tasks.activations.top_examples import top_examples
from tasks.dictionary import store
from tasks.dictionary.activation_histograms import ActivationHistograms
from tasks.dictionary.base import Dictionary
from tasks.dictionary.encode import activations_of_orbits
from tasks.dictionary.metrics import Similarity, similarity_of
from tasks.keys import content_key
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.staging import is_staged, stage_tables
from tasks.symmetry.action import transform_patches
from tasks.symmetry.blocks import symmetry_tables
from tasks.vision.images import webp

CODE_VERSION = 2
DETAILS_VERSION = 1
"""Of `details_tables`: a key of their own gives them to dictionaries that were analysed before there were any."""
EXAMPLES = 8
NEIGHBOURS = 6
NEURONS = 10
FEATURES_AT_ONCE = 1024
"""So many features are compared with all others at a time."""
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


def details_key(dictionary_key: str) -> str:
    """Return the content key of what `analyse` stages beside the analysis."""
    return content_key("feature_details", DETAILS_VERSION, dictionary=dictionary_key)


def analysed(settings: Settings) -> tuple[str, ...]:
    """Return the keys of the trained dictionaries that were analysed: those of the tables.

    Replicas, trained from other seeds to measure stability, are not analysed.
    """
    return tuple(key for key in store.trained(settings) if is_staged(analysis_key(key), settings))


def analyse(dictionary_key: str, settings: Settings, progress: Progress = silent) -> str:
    """Stage the tables from `dictionaries` to `feature_symmetry` of a dictionary and return their content key.

    In the same pass over the rows, the tables activation_histograms, quantile_examples and feature_neurons are made and
    staged under `details_key`. Tables that are staged already are not staged again.
    """
    key, details = analysis_key(dictionary_key), details_key(dictionary_key)
    if is_staged(key, settings) and is_staged(details, settings):
        return key
    dictionary = store.load_dictionary(dictionary_key, settings)
    acts = ActivationSet.open(store.describe(dictionary_key, settings)["activation_set"], settings)
    responses = _responses(dictionary, acts, progress)
    best, by_quantile = responses.best, responses.histograms.quantile_examples()
    patches = _patches_of(best if not is_staged(key, settings) else best.clear(), by_quantile, acts)
    if not is_staged(key, settings):
        of_training = _training_tables(dictionary_key, settings)
        tables = of_training | _analysis_tables(dictionary_key, dictionary, acts, responses, patches)
        made_by = store.provenance_of(dictionary_key, settings)
        stage_tables(key, tables, settings, dict.fromkeys(of_training, made_by))
    if not is_staged(details, settings):
        stage_tables(details, details_tables(dictionary_key, dictionary, responses, by_quantile, patches), settings)
    return key


def _analysis_tables(
    key: str,
    dictionary: Dictionary,
    acts: ActivationSet,
    responses: "_Responses",
    patches: polars.DataFrame,
) -> dict[str, polars.DataFrame]:
    live_m = responses.fired_m > 0
    blocks_mgd = dictionary.blocks()
    tables = {
        "features": _features_table(key, responses, dictionary.config.atom_dimension),
        "feature_examples": _examples_table(key, responses, patches),
        "feature_neighbours": neighbours_table(key, blocks_mgd, live_m, similarity_of(dictionary.config)),
    }
    if dictionary.group.order > 1:
        tables |= symmetry_tables(key, blocks_mgd.numpy(), acts.group, live_m.numpy())
    return tables


def details_tables(
    key: str,
    dictionary: Dictionary,
    responses: "_Responses",
    by_quantile: polars.DataFrame,
    patches: polars.DataFrame,
) -> dict[str, polars.DataFrame]:
    """Return the tables activation_histograms, quantile_examples and feature_neurons of a dictionary."""
    columns = ("feature", "quantile", "image_id", "y", "x", "element", "activation", "patch")
    examples = by_quantile.join(patches, on=["row", "element"]).select(columns)
    tables = {
        "activation_histograms": responses.histograms.histogram(),
        "quantile_examples": examples.sort("feature", "quantile"),
        "feature_neurons": strongest_neurons(dictionary, responses.fired_m > 0),
    }
    dictionary_id = polars.lit(key).alias("dictionary_id")
    return {name: table.select(dictionary_id, polars.all()) for name, table in tables.items()}


class _Responses:
    """Running statistics of every feature, and the positions where it is most active.

    best: (feature, row, image, element, activation), strongest first. A feature has at most `EXAMPLES` rows, and at
    most one per image.
    """

    def __init__(self, features: int, group_order: int):
        self.rows = 0
        self.histograms = ActivationHistograms(features, group_order)
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
    responses = _Responses(dictionary.config.features, acts.group.order)
    for done, shard in enumerate(acts.shards):
        rows = acts.rows(shard.index).select(polars.col("row").cast(polars.Int64), "image")
        readings = activations_of_orbits(dictionary, acts.read(shard.index), acts.group, dictionary.config.orbit_reuse)
        for stand_in, values_bk, indices_bk in readings:
            responses.add(values_bk, indices_bk)
            place, active = torch.nonzero(values_bk > 0, as_tuple=True)
            features_n, activations_n = indices_bk[place, active], values_bk[place, active]
            position_rows = rows[place.numpy()]
            responses.histograms.add(features_n, activations_n, position_rows["row"].to_numpy(), stand_in)
            responses.keep_best(
                position_rows.select(
                    polars.Series("feature", features_n.numpy()),
                    "row",
                    "image",
                    polars.Series("element", np.full(len(place), stand_in)),
                    polars.Series("activation", activations_n.double().numpy()),
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
            "encode_from": config.encode_from if config.is_crosscoder else None,
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


def _features_table(key: str, responses: _Responses, atom_dimension: int) -> polars.DataFrame:
    fired = responses.fired_m.numpy()
    return polars.DataFrame(
        {
            "dictionary_id": key,
            "feature": np.arange(len(fired)),
            "atom_dimension": atom_dimension,
            "density": fired / responses.rows,
            "mean_activation": responses.sum_m.numpy() / np.maximum(fired, 1),
            "max_activation": responses.max_m,
            "dead": fired == 0,
        }
    )


def _examples_table(key: str, responses: _Responses, patches: polars.DataFrame) -> polars.DataFrame:
    rank = polars.int_range(1, polars.len() + 1).over("feature").alias("rank")
    dictionary_id = polars.lit(key).alias("dictionary_id")
    examples = responses.best.select(dictionary_id, "feature", rank, "row", "element", "activation")
    return (
        examples.join(patches, on=["row", "element"])
        .select("dictionary_id", "feature", "rank", "image_id", "y", "x", "element", "activation", "patch")
        .sort("feature", "rank")
    )


def _patches_of(best: polars.DataFrame, by_quantile: polars.DataFrame, acts: ActivationSet) -> polars.DataFrame:
    """Return row, element, image_id, y, x and patch of every (row, element) of examples; images are decoded once."""
    pairs = [examples.select("row", "element") for examples in (best, by_quantile)]
    positions = polars.concat(pairs).unique().sort("row", "element")
    patches = positions.with_columns(patch=polars.Series(_transformed_patches(positions, acts), dtype=polars.Binary))
    rows = polars.concat([acts.rows(shard.index) for shard in acts.shards])
    return patches.join(rows.with_columns(polars.col("row").cast(polars.Int64)), on="row").rename({"image": "image_id"})


def _transformed_patches(positions: polars.DataFrame, acts: ActivationSet) -> list[bytes]:
    """Return one WebP image per (row, element): the unit's patch, transformed as it was for the unit."""
    side = acts.plan.patch.side
    patches: list[bytes] = []
    with ThreadPoolExecutor(torch.get_num_threads()) as encoders:  # Pillow encodes without holding Python's lock
        for (row,), row_positions in positions.group_by("row", maintain_order=True):
            source = acts.patch(row)[None].float()
            patches_gchw = transform_patches(source, row_positions["element"].to_numpy(), acts.group, side)[0]
            patches += encoders.map(webp, patches_gchw)
    return patches


def strongest_neurons(dictionary: Dictionary, live_m: Tensor) -> polars.DataFrame:
    """Return feature, rank, neuron, weight and share of the neurons on which each live feature writes most.

    At most `NEURONS` a feature, those with the largest |weight| in the decoder's block of the identity. Of a feature of
    several atoms, the weight is the norm over the atoms. share: of the block's squared norm.
    """
    [weight_md], _ = dictionary.decoder_blocks(1)
    if dictionary.config.atom_dimension > 1:
        weight_md = dictionary.blocks().norm(dim=1)
    live = torch.nonzero(live_m)[:, 0]
    weight_md = weight_md[live].double()
    size_mk, neuron_mk = weight_md.abs().topk(min(NEURONS, weight_md.shape[1]), dim=1)
    share_mk = size_mk.square() / weight_md.square().sum(1, keepdim=True).clamp_min(torch.finfo(torch.float64).tiny)
    place, rank = torch.nonzero(size_mk > 0, as_tuple=True)
    neuron = neuron_mk[place, rank]
    return polars.DataFrame(
        {
            "feature": live[place].numpy(),
            "rank": (rank + 1).numpy(),
            "neuron": neuron.numpy(),
            "weight": weight_md[place, neuron].numpy(),
            "share": share_mk[place, rank].numpy(),
        }
    )


def neighbours_table(key: str, blocks_mgd: Tensor, live_m: Tensor, similarity_between: Similarity) -> polars.DataFrame:
    """Return the table feature_neighbours: the live features most similar to each live feature.

    Memory beyond the blocks of live features: FEATURES_AT_ONCE rows of similarities.
    """
    live = torch.nonzero(live_m)[:, 0]
    count = min(NEIGHBOURS, max(len(live) - 1, 0))
    blocks_lgd, similarities, neighbours = blocks_mgd[live], [], []
    for first in range(0, max(1, len(live)), FEATURES_AT_ONCE):
        some_igd = blocks_lgd[first : first + FEATURES_AT_ONCE]
        similarity_il = similarity_between(some_igd, blocks_lgd)
        similarity_il[:, first:].fill_diagonal_(-torch.inf)
        similarity_ik, neighbour_ik = torch.topk(similarity_il, count, dim=1)
        similarities.append(similarity_ik)
        neighbours.append(live[neighbour_ik])
    similarity, neighbour = torch.cat(similarities), torch.cat(neighbours)
    return polars.DataFrame(
        {
            "dictionary_id": key,
            "feature": live.repeat_interleave(count).numpy(),
            "rank": np.tile(np.arange(1, count + 1), len(live)),
            "neighbour": neighbour.flatten().numpy(),
            "similarity": similarity.clamp(-1, 1).flatten().double().numpy(),
        },
        schema_overrides={"dictionary_id": polars.String},
    )
