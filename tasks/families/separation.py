"""How well families separate what features answer to, beside controls (the study's claim, made a number; methods §4).

Ground truth is the kind of drawn stimulus that a feature answers most, from responses alone. Scored are the live
features that have one: `mixed` and `other` name none. A feature in no family counts as a family of its own, so leaving
features out wins nothing.

* adjusted_rand: families against kinds (scikit-learn). Families are finer than kinds, so it stays far from 1.
* purity: share of the features in a family that are of their family's commonest kind.
* silhouette: of the kinds in the orbit-aware distance; no families involved.
* neighbour_agreement: share of a feature's NEIGHBOURS nearest that are of its kind; neighbour_chance: what nearest
  features drawn at random would give.
* clustered, families, features: share of them in a family; how many there are; how many were scored.

Controls, each scored against the same kinds: the blocks of each feature dealt out anew among the group's elements, and
random vectors. Source: ours.
"""

import numpy as np
import polars
import torch
from torch import Tensor

from tasks.errors import UserError
from tasks.families.analyse import Subject, subject
from tasks.families.config import FamiliesConfig
from tasks.families.distance import orbit_distances
from tasks.families.feature_responses import UNCLEAR
from tasks.families.grouping import group_features
from tasks.keys import content_key
from tasks.progress import Progress, part_of, silent
from tasks.settings import Settings
from tasks.staging import is_staged, read_staged, stage_tables

CODE_VERSION = 1
NEIGHBOURS = 10


def measure_separation(
    analysis: str, replicas: tuple[str, ...], config: FamiliesConfig, settings: Settings, progress: Progress = silent
) -> str:
    """Frame of `family_scores`: the analysed dictionary and others trained alike from other seeds; returns its key.

    analysis: key of `analyse_families` with the same config. progress: in thousandths. UserError as there, and for
    dictionaries that encode whole orbits, whose features have no ground truth.
    """
    key = content_key("separation", CODE_VERSION, analysis=analysis, replicas=sorted(replicas), config=config)
    if is_staged(key, settings):
        return key
    own = read_staged(analysis, settings)["family_analyses"]["dictionary_id"].item()
    rows, share = [], 1000 // (1 + len(replicas))
    for place, dictionary in enumerate((own, *replicas)):
        listen = part_of(progress, place * share, (place + 1) * share)
        found = subject(dictionary, config.n_rotations, settings)
        for name, scores in scores_of(found, config, listen).items():
            seed = found.dictionary.config.seed
            rows += [(analysis, name, seed, metric, float(value)) for metric, value in scores.items()]
    schema = {
        "family_analysis_id": polars.String,
        "condition": polars.String,
        "seed": polars.Int32,
        "metric": polars.String,
        "value": polars.Float64,
    }
    stage_tables(key, {"family_scores": polars.DataFrame(rows, schema=schema, orient="row")}, settings)
    progress(1000, 1000)
    return key


def scores_of(found: Subject, config: FamiliesConfig, progress: Progress = silent) -> dict[str, dict[str, float]]:
    """{subject: {metric: value}} of a dictionary and of its controls. An SAE has no blocks to deal out."""
    if found.feature_responses.types_m is None:
        raise UserError(
            f"a {found.dictionary.config.name} with encode_from = orbit encodes whole orbits, and no drawn stimulus "
            "tells what its features answer: score one with encode_from = identity"
        )
    kinds_m = found.feature_responses.types_m[found.features]
    subjects = {"features": found.blocks_mgd}
    if found.group.order > 1:
        subjects["shuffled blocks"] = shuffled(found.blocks_mgd, config.seed)
    generator = torch.Generator().manual_seed(config.seed)
    subjects["random dictionary"] = torch.randn(found.blocks_mgd.shape, generator=generator)
    scores = {}
    for done, (name, blocks_mgd) in enumerate(subjects.items(), start=1):
        distance_mm, _ = orbit_distances(blocks_mgd, found.group)
        scores[name] = separation(distance_mm, group_features(distance_mm, config)[0], kinds_m)
        progress(done, len(subjects))
    return scores


def shuffled(blocks_mgd: Tensor, seed: int) -> Tensor:
    """The blocks of each feature, dealt out anew among the group's elements."""
    order_mg = torch.rand(blocks_mgd.shape[:2], generator=torch.Generator().manual_seed(seed)).argsort(1)
    return blocks_mgd[torch.arange(len(blocks_mgd))[:, None], order_mg]


def separation(distance_mm: np.ndarray, family_m: np.ndarray, kinds_m: np.ndarray) -> dict[str, float]:
    """The metrics, for distances [m, m], families [m] (−1: none) and kinds [m] of stimuli, UNCLEAR ones among them."""
    from sklearn.metrics import adjusted_rand_score, silhouette_score
    from sklearn.metrics.cluster import contingency_matrix

    scored = np.flatnonzero(~np.isin(kinds_m, UNCLEAR))
    _, kind_s = np.unique(kinds_m[scored].astype(str), return_inverse=True)
    family_s, distance_ss = family_m[scored], distance_mm[np.ix_(scored, scored)]
    share_k = np.bincount(kind_s) / max(len(kind_s), 1)
    counts = {"features": len(scored), "families": len(set(family_m.tolist()) - {-1})}
    if len(share_k) < 2 or len(scored) <= NEIGHBOURS:
        return counts  # nothing to separate
    inside = family_s >= 0
    alone_s = np.where(inside, family_s, family_m.max() + 1 + np.arange(len(scored)))
    np.fill_diagonal(distance_ss, np.inf)
    nearest_sk = np.argpartition(distance_ss, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    np.fill_diagonal(distance_ss, 0)
    commonest = contingency_matrix(kind_s[inside], family_s[inside]).max(0).sum() if inside.any() else 0
    return counts | {
        "adjusted_rand": adjusted_rand_score(kind_s, alone_s),
        "purity": commonest / max(inside.sum(), 1),
        "silhouette": silhouette_score(distance_ss, kind_s, metric="precomputed"),
        "neighbour_agreement": (kind_s[nearest_sk] == kind_s[:, None]).mean(),
        "neighbour_chance": (share_k**2).sum(),
        "clustered": inside.mean(),
    }
