"""Polysemantic neurons: which of a dictionary's features carry a neuron's strongest activations (methods §5) [ours].

On a row the dictionary reconstructs neuron n, in scaled units, as ẑ_n = Σ_i f_i W_dec[i, n] + b_dec[n]; feature i
contributes c_i = f_i W_dec[i, n]. Since f ≥ 0, a feature either always adds to a neuron (then it is a carrier) or
always subtracts from it. Over the neuron's top rows R:

* share_i = Σ_R c_i / Σ_R Σ_carriers c: the share of carrier i in everything that the carriers add; shares sum to 1.
* carried, suppressed and bias: what the carriers add, what the other features subtract, and b_dec[n]; each is summed
  over R and divided by Σ_R z_n.
* explained = 1 − Σ_R |z_n − ẑ_n| / Σ_R z_n. The dictionary leaves 1 − explained unexplained; below 0 the reconstruction
  is worse than none. carried − suppressed + bias differs from 1 by at most 1 − explained.

Top rows: the row of each image where the neuron is most active, at most `TOP_ROWS` images, without rows on which it is
silent. One row per image keeps a single texture from filling them. The activations are those of the untransformed
images: block e, where the activation set holds orbits.

The view sql/views/polysemantic_neurons.sql joins the shares with the tuning of the features and decides which neurons
are decomposed, that is, have carriers of different stimulus types.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars
import torch
from torch import Tensor

from tasks.activations.shards import ActivationSet
from tasks.activations.top_examples import top_examples
from tasks.dictionary import store
from tasks.dictionary.base import Dictionary
from tasks.keys import content_key
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.staging import is_staged, stage_tables
from tasks.vision.images import webp

CODE_VERSION = 1
TOP_ROWS = 200
FEATURES_KEPT = 10
"""Features kept per neuron, largest share first. The view requires a share of 0.1, which at most ten can have."""
FEATURES_SHOWN = 4
"""Features per neuron that get example images, largest share first."""
EXAMPLES_EACH = 6
PAIRS_AT_ONCE = 4096
"""Number of (neuron, top row) pairs in memory at a time."""
TOP_SCHEMA = {
    "neuron": polars.Int32,
    "row": polars.Int32,
    "image": polars.String,
    "y": polars.Int32,
    "x": polars.Int32,
    "activation": polars.Float64,
}


def decompose_neurons(dictionary_key: str, settings: Settings, progress: Progress = silent) -> str:
    """Stage the tables neurons, neuron_features and neuron_examples of a dictionary and return their content key.

    Tables that are staged already are not computed again. progress counts shards; each shard is read twice.
    """
    key = content_key("polysemantic", CODE_VERSION, dictionary=dictionary_key)
    if is_staged(key, settings):
        return key
    dictionary = store.load_dictionary(dictionary_key, settings)
    acts = ActivationSet.open(store.describe(dictionary_key, settings)["activation_set"], settings)
    shards = len(acts.shards)
    strongest = _strongest(acts, lambda done: progress(done, 2 * shards))
    sums = _contributions(dictionary, acts, strongest.top, lambda done: progress(shards + done, 2 * shards))
    features = _features_table(sums)
    tables = {
        "neurons": _neurons_table(strongest, sums),
        "neuron_features": features,
        "neuron_examples": _examples_table(sums.top, features, acts),
    }
    dictionary_id = polars.lit(dictionary_key).alias("dictionary_id")
    stage_tables(key, {name: table.select(dictionary_id, polars.all()) for name, table in tables.items()}, settings)
    return key


# First pass: the rows on which each neuron is most active -------------------------------------------------------------


@dataclass(frozen=True)
class _Strongest:
    """Result of the first pass.

    top: TOP_SCHEMA, sorted by neuron, strongest row first
    max_d, density_d: [channels], maximum and share of active rows over all rows of the set
    """

    top: polars.DataFrame
    max_d: np.ndarray
    density_d: np.ndarray


def _strongest(acts: ActivationSet, progress: Callable[[int], None]) -> _Strongest:
    top = polars.DataFrame(schema=TOP_SCHEMA)
    max_d, active_d, count = torch.full((acts.channels,), -torch.inf), torch.zeros(acts.channels, dtype=torch.int64), 0
    for done, shard in enumerate(acts.shards, start=1):
        acts_rd = acts.read(shard.index)[:, 0].float()
        max_d = torch.maximum(max_d, acts_rd.amax(0))
        active_d += (acts_rd > 0).sum(0)
        count += len(acts_rd)
        candidates = _strongest_row_per_image(acts_rd, acts.rows(shard.index))
        top = top_examples(polars.concat([top, candidates]), "neuron", TOP_ROWS)
        progress(done)
    return _Strongest(top, max_d.double().numpy(), active_d.double().numpy() / count)


def _strongest_row_per_image(acts_rd: Tensor, rows: polars.DataFrame) -> polars.DataFrame:
    """Return TOP_SCHEMA: for each neuron and image the strongest row, if the neuron is active there.

    The rows of an image must be consecutive.
    """
    lengths = rows["image"].rle().struct.field("len").to_list()
    maxima = [image_rd.max(0) for image_rd in acts_rd.split(lengths)]
    values_id = torch.stack([values_d for values_d, _ in maxima])
    starts_i = torch.tensor([0, *lengths[:-1]]).cumsum(0)
    places_id = torch.stack([places_d for _, places_d in maxima]) + starts_i[:, None]
    image, neuron = torch.nonzero(values_id > 0, as_tuple=True)
    return (
        rows[places_id[image, neuron].numpy()]
        .with_columns(
            polars.Series("neuron", neuron.numpy(), dtype=polars.Int32),
            polars.Series("activation", values_id[image, neuron].double().numpy()),
        )
        .select(*TOP_SCHEMA)
    )


# Second pass: what each feature contributes on these rows -------------------------------------------------------------


@dataclass
class _Contributions:
    """Sums over the top rows of each neuron, in scaled units.

    contribution_dm: [channels, m], Σ f_i W_dec[i, n]
    leads_dm: [channels, m], number of top rows on which the feature adds more than any other
    activation_d: [channels], Σ z
    missed_d: [channels], Σ |z − ẑ|
    bias_d: [channels], Σ b_dec
    rows_d: [channels], number of top rows
    top: TOP_SCHEMA and `feature`, the one that adds most to the neuron on that row; null where none adds
    """

    contribution_dm: Tensor
    leads_dm: Tensor
    activation_d: Tensor
    missed_d: Tensor
    bias_d: Tensor
    rows_d: Tensor
    top: polars.DataFrame


@torch.no_grad()
def _contributions(
    dictionary: Dictionary, acts: ActivationSet, top: polars.DataFrame, progress: Callable[[int], None]
) -> _Contributions:
    channels, features = acts.channels, dictionary.config.features
    dimension = dictionary.config.atom_dimension
    [weight_ad], [decoder_bias_d] = dictionary.decoder_blocks(1)
    blocks = acts.group.order if dictionary.reads_all_blocks else 1
    contribution_dm, leads_dm = torch.zeros(channels, features), torch.zeros(channels, features, dtype=torch.int32)
    activation_d, missed_d, bias_d = torch.zeros(3, channels, dtype=torch.float64)
    parts = []
    for done, shard in enumerate(acts.shards, start=1):
        places = acts.rows(shard.index).select("row").with_row_index("place")
        pairs = top.join(places, on="row").sort("place", "neuron")
        acts_rgc = acts.read(shard.index) if len(pairs) else torch.empty(0)
        for part in pairs.iter_slices(PAIRS_AT_ONCE):
            neuron_p = part["neuron"].cast(polars.Int64).to_torch()
            place_b, pair_p = torch.unique(part["place"].cast(polars.Int64).to_torch(), return_inverse=True)
            z_gbd = acts_rgc[place_b, :blocks].transpose(0, 1).float() * dictionary.scale
            values_bk, indices_bk = dictionary.encode_active(z_gbd)
            atoms_pk = indices_bk[pair_p]
            added_pk = values_bk[pair_p] * weight_ad[atoms_pk, neuron_p[:, None]]
            feature_pk, added_pk = atoms_pk[:, ::dimension] // dimension, added_pk.unflatten(1, (-1, dimension)).sum(2)
            contribution_dm.index_put_((neuron_p[:, None].expand_as(feature_pk), feature_pk), added_pk, accumulate=True)
            most_p, place_p = added_pk.max(1)
            leader_p = feature_pk.gather(1, place_p[:, None])[:, 0]
            leads_dm.index_put_((neuron_p, leader_p), (most_p > 0).int(), accumulate=True)

            z_p, bias_p = z_gbd[0, pair_p, neuron_p], decoder_bias_d[neuron_p]
            missed_p = (z_p - added_pk.sum(1) - bias_p).abs()
            for sum_d, value_p in ((activation_d, z_p), (missed_d, missed_p), (bias_d, bias_p)):
                sum_d.index_add_(0, neuron_p, value_p.double())
            leader = polars.Series("feature", leader_p.int().numpy()).set(polars.Series((most_p <= 0).numpy()), None)
            parts.append(part.select(*TOP_SCHEMA).with_columns(leader))
        progress(done)
    rows_d = torch.bincount(top["neuron"].cast(polars.Int64).to_torch(), minlength=channels)
    with_feature = polars.concat(parts) if parts else top.with_columns(feature=polars.lit(None, dtype=polars.Int32))
    return _Contributions(contribution_dm, leads_dm, activation_d, missed_d, bias_d, rows_d, with_feature)


# Tables ---------------------------------------------------------------------------------------------------------------


def _neurons_table(strongest: _Strongest, sums: _Contributions) -> polars.DataFrame:
    """Return one row per neuron of the layer; the shares of a neuron that is never active are null."""
    activation_d = sums.activation_d.numpy()
    totals = {
        "explained": activation_d - sums.missed_d.numpy(),
        "carried": sums.contribution_dm.clamp(min=0).double().sum(1).numpy(),
        "suppressed": -sums.contribution_dm.clamp(max=0).double().sum(1).numpy(),
        "bias": sums.bias_d.numpy(),
    }
    nan_d = np.full(len(activation_d), np.nan)
    shares = {
        name: np.divide(total_d, activation_d, out=nan_d.copy(), where=activation_d > 0)
        for name, total_d in totals.items()
    }
    return polars.DataFrame(
        {
            "neuron": np.arange(len(activation_d), dtype=np.int32),
            "max_activation": strongest.max_d,
            "density": strongest.density_d,
            "top_rows": sums.rows_d.int().numpy(),
        }
        | shares
    ).fill_nan(None)


def _features_table(sums: _Contributions) -> polars.DataFrame:
    """Return the carriers of each neuron, at most `FEATURES_KEPT`, largest share first."""
    added_dm = sums.contribution_dm.clamp(min=0)
    kept = min(FEATURES_KEPT, added_dm.shape[1])
    largest_dk, feature_dk = added_dm.topk(kept, dim=1)
    share_dk = largest_dk / added_dm.sum(1, keepdim=True).clamp_min(torch.finfo().tiny)
    neuron, place = torch.nonzero(largest_dk > 0, as_tuple=True)
    feature = feature_dk[neuron, place]
    return polars.DataFrame(
        {
            "neuron": neuron.int().numpy(),
            "rank": (place + 1).int().numpy(),
            "feature": feature.int().numpy(),
            "share": share_dk[neuron, place].double().numpy(),
            "rows_carried": sums.leads_dm[neuron, feature].numpy(),
        }
    )


def _examples_table(top: polars.DataFrame, features: polars.DataFrame, acts: ActivationSet) -> polars.DataFrame:
    """Return top rows grouped by the feature that adds most, strongest first, each with the unit's patch as WebP."""
    shown = features.filter(polars.col("rank") <= FEATURES_SHOWN).select("neuron", "feature")
    examples = (
        top.join(shown, on=["neuron", "feature"])
        .sort("neuron", "feature", "activation", "row", descending=[False, False, True, False])
        .with_columns(rank=polars.int_range(1, polars.len() + 1, dtype=polars.Int32).over("neuron", "feature"))
        .filter(polars.col("rank") <= EXAMPLES_EACH)
    )
    # sorted by row, so that each image is decoded only once
    rows = examples.select("row", "image", "y", "x").unique("row").sort("row")
    patches = [webp(patch_cyx) for patch_cyx in acts.plan.patches(rows, acts.plan.patch.side)]
    return (
        examples.join(rows.select("row", patch=polars.Series(patches, dtype=polars.Binary)), on="row")
        .rename({"image": "image_id"})
        .select("neuron", "feature", "rank", "image_id", "y", "x", "activation", "patch")
        .sort("neuron", "feature", "rank")
    )
