"""Cluster features into families: UMAP embeds them by their distances, HDBSCAN finds dense clusters (methods §4).

There are two embeddings of the same distances: one with MAP_DIMENSIONS for display, and one with SEARCH_DIMENSIONS for
the clustering, because the projection to two dimensions can split a family. A family is a leaf of HDBSCAN's tree. The
alternative, "excess of mass", merges most features of a real dictionary into one or two families (docs/results.md).
[ours]
"""

import warnings

import numpy as np

from tasks.errors import UserError
from tasks.families.config import FamiliesConfig

MAP_DIMENSIONS, SEARCH_DIMENSIONS = 2, 8


def group_features(distance_mm: np.ndarray, config: FamiliesConfig) -> tuple[np.ndarray, np.ndarray]:
    """Group features by their distances [m, m] and return each feature's family, int [m], and membership strength, [m].

    Families are numbered from 0, largest first; −1 marks a feature in no family. The strength is in [0, 1]. The same
    seed gives the same families. Raises UserError unless there are more features than `config.neighbours` and
    `config.min_family_size`.
    """
    check_enough(len(distance_mm), config)
    from sklearn.cluster import HDBSCAN

    clustering = HDBSCAN(min_cluster_size=config.min_family_size, cluster_selection_method="leaf", copy=True).fit(
        embed(distance_mm, SEARCH_DIMENSIONS, config)
    )
    return _largest_first(clustering.labels_), clustering.probabilities_


def group_by_prototype(features: np.ndarray, order: int, config: FamiliesConfig) -> tuple[np.ndarray, np.ndarray]:
    """Return the families of a steerable crosscoder's live features [m] without clustering, as `group_features` does.

    A family is what is live of a prototype's `order` orientations. A member's strength is 1.
    """
    _, labels_m, sizes = np.unique(features // order, return_inverse=True, return_counts=True)
    family_m = _largest_first(np.where(sizes[labels_m] < config.min_family_size, -1, labels_m))
    return family_m, (family_m >= 0).astype(np.float64)


def _largest_first(labels_m: np.ndarray) -> np.ndarray:
    """Number labels ≥ 0 by falling size, from 0 on; −1 stays."""
    labels, sizes = np.unique(labels_m[labels_m >= 0], return_counts=True)
    rank = np.full(labels_m.max() + 2, -1)
    rank[labels[np.argsort(-sizes, kind="stable")]] = np.arange(len(labels))
    return rank[labels_m]


def check_enough(features: int, config: FamiliesConfig) -> None:
    """Raise UserError unless there are enough features for UMAP and HDBSCAN."""
    needed = max(config.neighbours, config.min_family_size)
    if features <= needed:
        raise UserError(
            f"{features} live features are too few for families.neighbours = {config.neighbours} and "
            f"families.min_family_size = {config.min_family_size}: more than {needed} are needed; lower them or train "
            "more features"
        )


def embed(distance_mm: np.ndarray, dimensions: int, config: FamiliesConfig) -> np.ndarray:
    """Embed features with UMAP by their distances [m, m]; returns float64 [m, dimensions]."""
    with warnings.catch_warnings():
        # umap warns that a seed restricts it to one thread and that some features have no neighbours: both are expected
        warnings.filterwarnings("ignore", module="umap")
        from umap import UMAP

        map_md = UMAP(
            n_neighbors=config.neighbours,
            n_components=dimensions,
            min_dist=0.0,
            metric="precomputed",
            # the spectral start needs more features than dimensions
            init="spectral" if len(distance_mm) > 2 * dimensions else "random",
            random_state=config.seed,
        ).fit_transform(distance_mm)
    return map_md.astype(np.float64)
