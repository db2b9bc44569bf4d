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

import numpy as np
import polars
import torch

from tasks.errors import UserError
from tasks.families.analyse import Subject, subject
from tasks.families.config import FamiliesConfig
from tasks.families.distance import orbit_distances
from tasks.families.feature_responses import UNCLEAR
from tasks.families.grouping import group_features, least_similarity, shuffled
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
    `analyse_families` does, and for dictionaries that encode whole orbits, whose features have no ground truth.
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

    Raises UserError for a dictionary that encodes whole orbits.
    """
    if subject.feature_responses.types_m is None:
        raise UserError(
            f"a {subject.dictionary.config.name} with encode_from = orbit encodes whole orbits, so its features' "
            "responses to drawn stimuli are unknown: score a dictionary with encode_from = identity"
        )
    kinds_m = subject.feature_responses.types_m[subject.features]
    conditions = {"features": subject.blocks_mgd}
    if subject.group.order > 1:
        conditions["shuffled blocks"] = shuffled(subject.blocks_mgd, config.seed)
    generator = torch.Generator().manual_seed(config.seed)
    conditions["random dictionary"] = torch.randn(subject.blocks_mgd.shape, generator=generator)
    bound, scores = least_similarity(subject.blocks_mgd, subject.group, config.seed), {}
    for done, (condition, blocks_mgd) in enumerate(conditions.items(), start=1):
        distance_mm, _ = orbit_distances(blocks_mgd, subject.group)
        family_m, _ = group_features(distance_mm, bound, config)
        scores[condition] = separation(distance_mm, family_m, kinds_m)
        progress(done, len(conditions))
    return scores


def separation(distance_mm: np.ndarray, family_m: np.ndarray, kinds_m: np.ndarray) -> dict[str, float]:
    """Compute the metrics of the module's docstring.

    distance_mm: [m, m]; family_m: [m], −1 for a feature in no family; kinds_m: [m], stimulus types, of which UNCLEAR
    ones are not scored. With fewer than two types, or at most NEIGHBOURS scored features, only the counts are returned.
    """
    from sklearn.metrics import adjusted_rand_score, silhouette_score
    from sklearn.metrics.cluster import contingency_matrix

    scored = np.flatnonzero(~np.isin(kinds_m, UNCLEAR))
    _, kind_s = np.unique(kinds_m[scored].astype(str), return_inverse=True)
    family_s, distance_ss = family_m[scored], distance_mm[np.ix_(scored, scored)]
    share_k = np.bincount(kind_s) / max(len(kind_s), 1)
    counts: dict[str, float] = {"features": len(scored), "families": len(set(family_m.tolist()) - {-1})}
    if len(share_k) < 2 or len(scored) <= NEIGHBOURS:
        return counts
    inside = family_s >= 0
    alone_s = np.where(inside, family_s, family_m.max() + 1 + np.arange(len(scored)))
    np.fill_diagonal(distance_ss, np.inf)
    nearest_sk = np.argpartition(distance_ss, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    np.fill_diagonal(distance_ss, 0)
    pure = {}
    if inside.any():
        pure["purity"] = contingency_matrix(kind_s[inside], family_s[inside]).max(0).sum() / inside.sum()
    return (
        counts
        | pure
        | {
            "adjusted_rand": adjusted_rand_score(kind_s, alone_s),
            "silhouette": silhouette_score(distance_ss, kind_s, metric="precomputed"),
            "neighbour_agreement": (kind_s[nearest_sk] == kind_s[:, None]).mean(),
            "neighbour_chance": (share_k**2).sum(),
            "clustered": inside.mean(),
        }
    )
