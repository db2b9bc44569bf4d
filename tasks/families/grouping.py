"""Families from distances: UMAP keeps a feature's neighbours together, HDBSCAN finds what is dense (methods §4).

Two maps are made of one distance: one of MAP_DIMENSIONS for people, and a roomier one in which families are sought, so
that a family isn't torn for the sake of a flat picture. A family is a leaf of HDBSCAN's tree: the other choice,
"excess of mass", merges most features of a real dictionary into one or two families (docs/results.md). [ours]
"""

import warnings

import numpy as np

from tasks.errors import UserError
from tasks.families.config import FamiliesConfig

MAP_DIMENSIONS, SEARCH_DIMENSIONS = 2, 8


def group_features(distance_mm: np.ndarray, config: FamiliesConfig) -> tuple[np.ndarray, np.ndarray]:
    """Group features by their distances, float [m, m]: the family of each, int [m], and how surely, [m] in [0, 1].

    Families are numbered from 0, the largest first; −1: in none. The same seed gives the same families.
    UserError where there are not more features than the neighbours asked for, or than the smallest family has members.
    """
    check_enough(len(distance_mm), config)
    from sklearn.cluster import HDBSCAN

    found = HDBSCAN(min_cluster_size=config.min_family_size, cluster_selection_method="leaf", copy=True).fit(
        embed(distance_mm, SEARCH_DIMENSIONS, config)
    )
    sizes = np.bincount(found.labels_[found.labels_ >= 0])
    rank = np.empty(len(sizes), dtype=np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    return np.append(rank, -1)[found.labels_], found.probabilities_


def check_enough(features: int, config: FamiliesConfig) -> None:
    """UserError unless so many features can be grouped."""
    needed = max(config.neighbours, config.min_family_size)
    if features <= needed:
        raise UserError(
            f"{features} live features are too few for families.neighbours = {config.neighbours} and "
            f"families.min_family_size = {config.min_family_size}: it takes more than {needed}; lower them or train "
            "more features"
        )


def embed(distance_mm: np.ndarray, dimensions: int, config: FamiliesConfig) -> np.ndarray:
    """float64 [m, dimensions]: UMAP of the features."""
    with warnings.catch_warnings():
        # a seed means one thread; and features that resemble nothing are no news here
        warnings.filterwarnings("ignore", module="umap")
        from umap import UMAP

        map_md = UMAP(
            n_neighbors=config.neighbours,
            n_components=dimensions,
            min_dist=0.0,
            metric="precomputed",
            # eigenvectors need more features than dimensions
            init="spectral" if len(distance_mm) > 2 * dimensions else "random",
            random_state=config.seed,
        ).fit_transform(distance_mm)
    return map_md.astype(np.float64)
