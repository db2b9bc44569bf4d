"""Score how well families separate features by what they respond to, compared with controls (methods §4).

The ground truth is the stimulus type of a feature, computed from its responses to drawn stimuli alone. Live features of
the types `mixed` and `other` are not scored. A feature in no family counts as a family of its own, so that leaving
features out doesn't improve the score.

* adjusted_rand: adjusted Rand index of families and types (scikit-learn). Families are finer than types, so it is far
  below 1.
* purity: share of the features in families that have their family's most common type; left out without families.
* silhouette: silhouette of the types in the orbit-aware distance; doesn't use the families.
* neighbour_agreement: share of a feature's NEIGHBOURS nearest features that have its type; neighbour_chance: the same
  for neighbours drawn at random.
* clustered, families, features: share of scored features in a family; number of families; number of scored features.

Controls, scored against the same types: each feature's blocks shuffled among the group's elements, and random vectors.
Source: ours.
"""

from collections.abc import Callable

import numpy as np
import polars
import torch

from tasks.errors import UserError
from tasks.families.analyse import Subject, subject
from tasks.families.config import FamiliesConfig
from tasks.families.distance import TILE, Blocks, orbit_distances
from tasks.families.feature_responses import UNCLEAR
from tasks.families.grouping import group_by_prototype, group_features, least_similarity, shuffled
from tasks.keys import content_key
from tasks.progress import Progress, part_of, silent
from tasks.settings import Settings
from tasks.staging import is_staged, read_staged, stage_tables

CODE_VERSION = 3
NEIGHBOURS = 10
SCHEMA = {
    "family_analysis_id": polars.String,
    "condition": polars.String,
    "seed": polars.Int32,
    "metric": polars.String,
    "value": polars.Float64,
}


def measure_separation(
    analysis: str, replicas: tuple[str, ...], config: FamiliesConfig, settings: Settings, progress: Progress = silent
) -> tuple[str, ...]:
    """Stage `family_scores` of the analysed dictionary and of each replica from another seed; return the content keys.

    Every dictionary's scores have a key of their own, so that a later run with more replicas stages only theirs.
    analysis: key returned by `analyse_families` with the same config. progress counts to 1000. Raises UserError as
    `analyse_families` does, and for dictionaries that encode whole orbits of hue or scale, whose features have no
    ground truth.
    """
    analysed = read_staged(analysis, settings)["family_analyses"]["dictionary_id"].item()
    keys, share = [], 1000 // (1 + len(replicas))
    for place, dictionary in enumerate((analysed, *replicas)):
        key = content_key("separation", CODE_VERSION, analysis=analysis, dictionary=dictionary, config=config)
        if not is_staged(key, settings):
            dictionary_progress = part_of(progress, place * share, (place + 1) * share)
            live = subject(dictionary, config.n_rotations, settings)
            seed = live.dictionary.config.seed
            rows = [
                (analysis, condition, seed, metric, float(value))
                for condition, scores in scores_of(live, config, dictionary_progress).items()
                for metric, value in scores.items()
            ]
            stage_tables(key, {"family_scores": polars.DataFrame(rows, schema=SCHEMA, orient="row")}, settings)
        keys.append(key)
    progress(1000, 1000)
    return tuple(keys)


def scores_of(subject: Subject, config: FamiliesConfig, progress: Progress = silent) -> dict[str, dict[str, float]]:
    """Return {condition: {metric: value}} of a dictionary and its controls; an SAE has no blocks to shuffle.

    The families of a steerable crosscoder are its prototypes. Nearest features and silhouettes, and the controls, are
    those of one copy of each prototype, because its other copies are at distance 0. Raises UserError for a dictionary
    that encodes whole orbits of hue or scale.
    """
    if subject.feature_responses.types_m is None:
        raise UserError(
            f"a {subject.dictionary.config.name} with encode_from = orbit encodes whole orbits of "
            f"{subject.acts.group.name}, for which no stimuli are drawn: score one with encode_from = identity"
        )
    kinds_m = subject.feature_responses.types_m[subject.features]
    kinds_n, blocks_ngd = kinds_m[subject.compared], subject.compared_blocks
    # made one at a time: a control takes as much memory as the blocks of all features
    conditions: dict[str, Callable[[], Blocks]] = {"features": lambda: blocks_ngd}
    if subject.group.order > 1:
        conditions["shuffled blocks"] = lambda: shuffled(blocks_ngd[:], config.seed)
    conditions["random dictionary"] = lambda: torch.randn(
        (len(blocks_ngd), *blocks_ngd[:1].shape[1:]), generator=torch.Generator().manual_seed(config.seed)
    )
    bound, scores = least_similarity(blocks_ngd, subject.group, config.seed), {}
    for done, (condition, blocks_of) in enumerate(conditions.items(), start=1):
        distance_nn = orbit_distances(blocks_of(), subject.group)
        of_distances = distance_scores(distance_nn, kinds_n)
        turns = subject.dictionary.turns if condition == "features" else None
        if turns is None:
            of_families = family_scores(group_features(distance_nn, bound, config), kinds_n)
        else:
            of_families = family_scores(group_by_prototype(subject.features, turns.order, config), kinds_m)
        scores[condition] = of_families | of_distances
        progress(done, len(conditions))
    return scores


def distance_scores(distance_mm: np.ndarray, kinds_m: np.ndarray) -> dict[str, float]:
    """Compute the metrics of the module's docstring that use the distances, [m, m], and no families.

    kinds_m: [m], stimulus types, of which UNCLEAR ones are not scored. With fewer than two types, or at most NEIGHBOURS
    scored features, the result is empty. Memory beyond the distances: TILE rows of them.
    """
    scored, kind_s = _scored(kinds_m)
    sizes_k = np.bincount(kind_s)
    if len(sizes_k) < 2 or len(scored) <= NEIGHBOURS:
        return {}
    of_kind_sk = np.eye(len(sizes_k))[kind_s]
    silhouettes, agreements = [], []
    for first in range(0, len(scored), TILE):
        places = np.arange(first, min(first + TILE, len(scored)))
        distance_is = distance_mm[np.ix_(scored[places], scored)]
        silhouettes.append(_silhouettes(distance_is @ of_kind_sk, kind_s[places], sizes_k))
        distance_is[np.arange(len(places)), places] = np.inf
        nearest_ik = np.argpartition(distance_is, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
        agreements.append((kind_s[nearest_ik] == kind_s[places, None]).mean(1))
    return {
        "silhouette": np.concatenate(silhouettes).mean(),
        "neighbour_agreement": np.concatenate(agreements).mean(),
        "neighbour_chance": ((sizes_k / len(scored)) ** 2).sum(),
    }


def _silhouettes(sums_ik: np.ndarray, kind_i: np.ndarray, sizes_k: np.ndarray) -> np.ndarray:
    """Return the silhouettes (b − a) / max(a, b) of features by the sums of their distances to each kind's features.

    a: mean distance to the others of its kind; b: to those of the nearest other kind. 0 for the only one of its kind.
    scikit-learn's `silhouette_samples` computes the same from the distances of all pairs at once.
    """
    places, own_i = np.arange(len(kind_i)), sizes_k[kind_i]
    a_i = sums_ik[places, kind_i] / np.maximum(own_i - 1, 1)
    mean_ik = sums_ik / sizes_k
    mean_ik[places, kind_i] = np.inf
    b_i = mean_ik.min(1)
    widest_i = np.maximum(a_i, b_i)
    return np.divide(b_i - a_i, widest_i, out=np.zeros(len(kind_i)), where=(own_i > 1) & (widest_i > 0))


def family_scores(family_m: np.ndarray, kinds_m: np.ndarray) -> dict[str, float]:
    """Compute the metrics of the module's docstring that use the families.

    family_m: [m], −1 for a feature in no family; kinds_m: as in `distance_scores`, without which only counts are
    returned too.
    """
    from sklearn.metrics import adjusted_rand_score
    from sklearn.metrics.cluster import contingency_matrix

    scored, kind_s = _scored(kinds_m)
    family_s = family_m[scored]
    scores: dict[str, float] = {"features": len(scored), "families": len(set(family_m.tolist()) - {-1})}
    if len(set(kind_s)) < 2 or len(scored) <= NEIGHBOURS:
        return scores
    inside = family_s >= 0
    alone_s = np.where(inside, family_s, family_m.max() + 1 + np.arange(len(scored)))
    if inside.any():
        scores["purity"] = contingency_matrix(kind_s[inside], family_s[inside]).max(0).sum() / inside.sum()
    return scores | {"adjusted_rand": adjusted_rand_score(kind_s, alone_s), "clustered": inside.mean()}


def _scored(kinds_m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of the features with a clear stimulus type, [s], and the number of the type of each, [s]."""
    scored = np.flatnonzero(~np.isin(kinds_m, UNCLEAR))
    return scored, np.unique(kinds_m[scored].astype(str), return_inverse=True)[1]
