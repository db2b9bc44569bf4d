"""Verify families on images: if h carries feature i to j, j must fire on the image that excites i, transformed by h.

The activation set holds, as blocks, the network's activations for every image under every element of the group, so
nothing is predicted here. Source: ours.
"""

import numpy as np
import polars

from tasks.activations.shards import ActivationSet
from tasks.activations.top_examples import top_examples
from tasks.dictionary.base import Dictionary
from tasks.dictionary.encode import activations_of_orbits
from tasks.dictionary.sparse import to_dense
from tasks.progress import Progress, silent

EXAMPLES = 8
PARTNERS = 64
"""Each feature is paired with this many most similar members of its family; all pairs would grow quadratically."""

PARTNERS_SCHEMA = {
    "place": polars.Int64,
    "partner": polars.Int64,
    "element": polars.Int64,
    "similarity": polars.Float64,
}
PAIRS_SCHEMA = {
    "feature": polars.Int64,
    "partner": polars.Int64,
    "element": polars.Int64,
    "similarity": polars.Float64,
    "examples": polars.Int64,
    "fired": polars.Float64,
    "chance": polars.Float64,
}
EXAMPLES_SCHEMA = {
    "place": polars.Int64,
    "row": polars.Int64,
    "image": polars.String,
    "element": polars.Int64,
    "activation": polars.Float64,
}


def partners_of(members: np.ndarray, distance_ss: np.ndarray, element_ss: np.ndarray) -> polars.DataFrame:
    """Return the `PARTNERS` most similar partners of each member of a family, by place and partner.

    members: [s], places of the features; distance_ss, element_ss: [s, s], result of `orbit_carriers`. A row is (place,
    partner, the element h that carries the one to the other, their cosine under h).
    """
    size = len(members)
    similarity_ss = 1 - distance_ss
    others_so = np.argsort(np.where(np.eye(size, dtype=bool), np.inf, -similarity_ss), axis=1, kind="stable")
    partner_so = np.sort(others_so[:, : min(PARTNERS, size - 1)], axis=1)
    return polars.DataFrame(
        {
            "place": members.repeat(partner_so.shape[1]),
            "partner": members[partner_so].ravel(),
            "element": np.take_along_axis(element_ss, partner_so, 1).ravel(),
            "similarity": np.take_along_axis(similarity_ss, partner_so, 1).ravel(),
        }
    ).cast(polars.Schema(PARTNERS_SCHEMA))


def family_pairs(
    dictionary: Dictionary,
    acts: ActivationSet,
    elements_h: np.ndarray,
    features_m: np.ndarray,
    partners: polars.DataFrame,
    progress: Progress = silent,
) -> polars.DataFrame:
    """Test pairs of features on images; return the table family_pairs without its column `family_analysis_id`.

    elements_h: [|H|], indices in the set's group G of the elements of H, the group under which the families were found
    features_m: [m], feature indices
    partners: rows of `partners_of`, of all families

    The examples of a feature are the images of the test split that excite it most, each at one position (a stored row)
    under one transform g₀ of G. fired: the share of examples on which the partner is active at h·g₀ of the same row.
    chance: the mean of that share over all h of H. Both are null for a feature without examples. progress counts shards
    of the test split.

    Memory beyond the result: |G| bits per feature for each row that holds an example, and one shard.
    """
    partners = partners.sort("place", maintain_order=True)
    paired_m = np.isin(np.arange(len(features_m)), partners["place"])
    best, firings = _examples(dictionary, acts, features_m, paired_m, progress)
    row, element = best["row"].to_numpy(), best["element"].to_numpy()
    starts = np.searchsorted(best["place"].to_numpy(), np.arange(len(features_m) + 1))
    product_hg = acts.group.cayley[elements_h]
    pairs = [polars.DataFrame(schema=PAIRS_SCHEMA)]
    for of_feature in partners.partition_by("place", maintain_order=True):
        i, partner, carrier = of_feature["place"][0], of_feature["partner"].to_numpy(), of_feature["element"].to_numpy()
        example_rows = slice(starts[i], starts[i + 1])
        examples = example_rows.stop - example_rows.start
        fired = chance = None
        if examples:
            bits_ebp = np.stack([firings[r][:, partner] for r in row[example_rows]])
            fires_egp = np.unpackbits(bits_ebp, axis=1, bitorder="little")
            fires_hep = fires_egp[np.arange(examples), product_hg[:, element[example_rows]]]
            chance = fires_hep.mean((0, 1))
            fired = fires_hep[carrier, :, np.arange(len(partner))].mean(1)
        pairs.append(
            polars.DataFrame(
                {
                    "feature": np.full(len(partner), features_m[i]),
                    "partner": features_m[partner],
                    "element": carrier,
                    "similarity": of_feature["similarity"],
                    "examples": np.full(len(partner), examples),
                    "fired": fired,
                    "chance": chance,
                }
            ).cast(polars.Schema(PAIRS_SCHEMA))
        )
    return polars.concat(pairs)


def _examples(
    dictionary: Dictionary, acts: ActivationSet, features_m: np.ndarray, paired_m: np.ndarray, progress: Progress
) -> tuple[polars.DataFrame, dict[int, np.ndarray]]:
    """Return the examples of the features that have partners, and which features fire on the examples' rows.

    The examples are (place, row, image, element, activation), sorted by place, strongest first. The firings are
    {row: uint8 [⌈|G| / 8⌉, m]}: bit g is set if the feature fires on g·x.
    """
    order = acts.group.order
    best = polars.DataFrame(schema=EXAMPLES_SCHEMA)
    firings: dict[int, np.ndarray] = {}
    shards = [shard for shard in acts.shards if shard.split == "test"]
    for done, shard in enumerate(shards):
        strongest_rm = np.zeros((shard.orbits, len(features_m)), np.float32)
        element_rm = np.zeros(strongest_rm.shape, np.int16)
        bits_rbm = np.zeros((shard.orbits, -(-order // 8), len(features_m)), np.uint8)
        # transformed images are valid test images even if training didn't reuse orbits
        readings = activations_of_orbits(dictionary, acts.read(shard.index), acts.group, orbit_reuse=True)
        for g, values_rk, indices_rk in readings:
            f_rm = to_dense(values_rk, indices_rk, dictionary.config.features).numpy()[:, features_m]
            bits_rbm[:, g // 8] |= (f_rm > 0).view(np.uint8) << (g % 8)
            stronger_rm = f_rm > strongest_rm
            np.copyto(strongest_rm, f_rm, where=stronger_rm)
            np.copyto(element_rm, np.int16(g), where=stronger_rm)
        rows = acts.rows(shard.index).select(polars.col("row").cast(polars.Int64), "image")
        r, place = np.nonzero((strongest_rm > 0) & paired_m)
        candidates = rows[r].with_columns(
            polars.Series("place", place),
            polars.Series("element", element_rm[r, place].astype(np.int64)),
            polars.Series("activation", strongest_rm[r, place].astype(np.float64)),
        )
        best = top_examples(polars.concat([best, candidates.select(best.columns)]), "place", EXAMPLES)
        # copied, so that dropping a row that is no longer an example frees its memory
        firings |= {row: bits_bm.copy() for row, bits_bm in zip(rows["row"], bits_rbm, strict=True)}
        firings = {row: firings[row] for row in best["row"].unique()}
        progress(done + 1, len(shards))
    return best, firings
