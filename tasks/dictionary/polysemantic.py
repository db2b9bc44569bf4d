"""Polysemantic neurons: which of a dictionary's features carry a neuron's strongest activations (methods §5) [ours].

On a row the dictionary writes neuron n, in scaled units, as ẑ_n = Σ_i f_i W_dec[i, n] + b_dec[n]; feature i contributes
c_i = f_i W_dec[i, n]. No f is negative, so to one neuron a feature always adds (it is a carrier) or always takes away.
Over the neuron's top rows R:

* share_i = Σ_R c_i / Σ_R Σ_carriers c: what of all that is added comes from carrier i; shares sum to 1.
* carried, suppressed and bias: what carriers add, what others take away, and b_dec[n], each over Σ_R z_n.
* explained = 1 − Σ_R |z_n − ẑ_n| / Σ_R z_n. What is left to 1 no feature explains; below 0 the reconstruction is worse
  than none. carried − suppressed + bias is 1 to within 1 − explained.

Top rows: the strongest row of each image, at most `TOP_ROWS`, silent ones left out, so that no image fills them with
one texture. They are the network's answers to images as they are: block e, where the set holds orbits.

Whether a neuron is decomposed, its carriers being of different stimulus types, sql/views/polysemantic_neurons.sql says:
there the shares meet the tuning.
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
"""Of a neuron, by share: more than ten can't each carry the tenth that the view asks for."""
FEATURES_SHOWN = 4
"""Of a neuron, with examples: the ones that carry most."""
EXAMPLES_EACH = 6
PAIRS_AT_ONCE = 4096
"""Pairs of a neuron and one of its top rows, in memory at a time."""
TOP_SCHEMA = {
    "neuron": polars.Int32,
    "row": polars.Int32,
    "image": polars.String,
    "y": polars.Int32,
    "x": polars.Int32,
    "activation": polars.Float64,
}


def decompose_neurons(dictionary_key: str, settings: Settings, progress: Progress = silent) -> str:
    """Frames of neurons, neuron_features and neuron_examples; returns their key. Done once per dictionary.

    progress: in shards, each read twice.
    """
    key = content_key("polysemantic", CODE_VERSION, dictionary=dictionary_key)
    if is_staged(key, settings):
        return key
    dictionary = store.load_dictionary(dictionary_key, settings)
    acts = ActivationSet.open(store.describe(dictionary_key, settings)["activation_set"], settings)
    shards = len(acts.shards)
    seen = _strongest(acts, lambda done: progress(done, 2 * shards))
    found = _contributions(dictionary, acts, seen.top, lambda done: progress(shards + done, 2 * shards))
    features = _features_table(found)
    tables = {
        "neurons": _neurons_table(seen, found),
        "neuron_features": features,
        "neuron_examples": _examples_table(found.top, features, acts),
    }
    of_dictionary = polars.lit(dictionary_key).alias("dictionary_id")
    stage_tables(key, {table: frame.select(of_dictionary, polars.all()) for table, frame in tables.items()}, settings)
    return key


# First pass: where is each neuron strongest? --------------------------------------------------------------------------


@dataclass(frozen=True)
class _Strongest:
    """top: TOP_SCHEMA, neuron by neuron, strongest first; max_d, density_d [channels]: over all rows."""

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
        top = top_examples(polars.concat([top, _of_each_image(acts_rd, acts.rows(shard.index))]), "neuron", TOP_ROWS)
        progress(done)
    return _Strongest(top, max_d.double().numpy(), active_d.double().numpy() / count)


def _of_each_image(acts_rd: Tensor, rows: polars.DataFrame) -> polars.DataFrame:
    """TOP_SCHEMA: each neuron's strongest row of each image, if it is active there. Rows of an image stand together."""
    lengths = rows["image"].rle().struct.field("len").to_list()
    of_image = [part_rd.max(0) for part_rd in acts_rd.split(lengths)]
    values_id = torch.stack([values_d for values_d, _ in of_image])
    starts_i = torch.tensor([0, *lengths[:-1]]).cumsum(0)
    places_id = torch.stack([places_d for _, places_d in of_image]) + starts_i[:, None]
    image, neuron = torch.nonzero(values_id > 0, as_tuple=True)
    return (
        rows[places_id[image, neuron].numpy()]
        .with_columns(
            polars.Series("neuron", neuron.numpy(), dtype=polars.Int32),
            polars.Series("activation", values_id[image, neuron].double().numpy()),
        )
        .select(*TOP_SCHEMA)
    )


# Second pass: which features carry it there? --------------------------------------------------------------------------


@dataclass
class _Contributions:
    """Sums over the top rows. contribution_dm [channels, m]; leads_dm: rows on which the feature adds most.

    activation_d: Σ z; missed_d: Σ |z − ẑ|; bias_d: Σ b_dec; rows_d: top rows; all [channels] and in scaled units.
    top: TOP_SCHEMA and feature, the one that adds most, null where none adds.
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
    [weight_md], [of_block_d] = dictionary.decoder_blocks(1)
    blocks = acts.group.order if dictionary.reads_all_blocks else 1
    contribution_dm, leads_dm = torch.zeros(channels, features), torch.zeros(channels, features, dtype=torch.int32)
    activation_d, missed_d, bias_d = torch.zeros(3, channels, dtype=torch.float64)
    parts = []
    for done, shard in enumerate(acts.shards, start=1):
        places = acts.rows(shard.index).select("row").with_row_index("place")
        pairs = top.join(places, on="row").sort("place", "neuron")
        acts_rgc = acts.read(shard.index) if len(pairs) else None
        for part in pairs.iter_slices(PAIRS_AT_ONCE):
            neuron_p = part["neuron"].cast(polars.Int64).to_torch()
            place_b, pair_p = torch.unique(part["place"].cast(polars.Int64).to_torch(), return_inverse=True)
            z_gbd = acts_rgc[place_b, :blocks].transpose(0, 1).float() * dictionary.scale
            values_bk, indices_bk = dictionary.encode_active(z_gbd)
            feature_pk = indices_bk[pair_p]
            added_pk = values_bk[pair_p] * weight_md[feature_pk, neuron_p[:, None]]
            contribution_dm.index_put_((neuron_p[:, None].expand_as(feature_pk), feature_pk), added_pk, accumulate=True)
            most_p, place_p = added_pk.max(1)
            leader_p = feature_pk.gather(1, place_p[:, None])[:, 0]
            leads_dm.index_put_((neuron_p, leader_p), (most_p > 0).int(), accumulate=True)

            z_p, bias_p = z_gbd[0, pair_p, neuron_p], of_block_d[neuron_p]
            missed_p = (z_p - added_pk.sum(1) - bias_p).abs()
            for sum_d, of_pair in ((activation_d, z_p), (missed_d, missed_p), (bias_d, bias_p)):
                sum_d.index_add_(0, neuron_p, of_pair.double())
            leader = polars.Series("feature", leader_p.int().numpy()).set(polars.Series((most_p <= 0).numpy()), None)
            parts.append(part.select(*TOP_SCHEMA).with_columns(leader))
        progress(done)
    rows_d = torch.bincount(top["neuron"].cast(polars.Int64).to_torch(), minlength=channels)
    led = polars.concat(parts) if parts else top.with_columns(feature=polars.lit(None, dtype=polars.Int32))
    return _Contributions(contribution_dm, leads_dm, activation_d, missed_d, bias_d, rows_d, led)


# Frames ---------------------------------------------------------------------------------------------------------------


def _neurons_table(seen: _Strongest, found: _Contributions) -> polars.DataFrame:
    """Every neuron of the layer; shares are null where it is never active."""
    over = found.activation_d.numpy()
    sums = {
        "explained": over - found.missed_d.numpy(),
        "carried": found.contribution_dm.clamp(min=0).double().sum(1).numpy(),
        "suppressed": -found.contribution_dm.clamp(max=0).double().sum(1).numpy(),
        "bias": found.bias_d.numpy(),
    }
    nothing = np.full(len(over), np.nan)
    shares = {name: np.divide(total, over, out=nothing.copy(), where=over > 0) for name, total in sums.items()}
    return polars.DataFrame(
        {
            "neuron": np.arange(len(over), dtype=np.int32),
            "max_activation": seen.max_d,
            "density": seen.density_d,
            "top_rows": found.rows_d.int().numpy(),
        }
        | shares
    ).fill_nan(None)


def _features_table(found: _Contributions) -> polars.DataFrame:
    """The carriers of each neuron, at most `FEATURES_KEPT`, that of the largest share first."""
    added_dm = found.contribution_dm.clamp(min=0)
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
            "rows_carried": found.leads_dm[neuron, feature].numpy(),
        }
    )


def _examples_table(top: polars.DataFrame, features: polars.DataFrame, acts: ActivationSet) -> polars.DataFrame:
    """Top rows split by the feature that adds most, strongest first, with the receptive field as the network saw it."""
    shown = features.filter(polars.col("rank") <= FEATURES_SHOWN).select("neuron", "feature")
    examples = (
        top.join(shown, on=["neuron", "feature"])
        .sort("neuron", "feature", "activation", "row", descending=[False, False, True, False])
        .with_columns(rank=polars.int_range(1, polars.len() + 1, dtype=polars.Int32).over("neuron", "feature"))
        .filter(polars.col("rank") <= EXAMPLES_EACH)
    )
    # in the order of the rows, so that each image is decoded once
    rows = examples.select("row", "image", "y", "x").unique("row").sort("row")
    patches = [webp(patch_cyx) for patch_cyx in acts.plan.patches(rows, acts.plan.layer.receptive_field)]
    return (
        examples.join(rows.select("row", patch=polars.Series(patches, dtype=polars.Binary)), on="row")
        .rename({"image": "image_id"})
        .select("neuron", "feature", "rank", "image_id", "y", "x", "activation", "patch")
        .sort("neuron", "feature", "rank")
    )
