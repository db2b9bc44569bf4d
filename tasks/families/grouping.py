"""Group features into families by average linkage of their orbit-aware similarities (methods §4.4) [ours].

Two groups of features are merged while the mean similarity between their members is at least `least_similarity`. That
bound is what one pair of shuffled features in 1 / CHANCE reaches, so families are what the order of the blocks makes
similar. UMAP embeds the features for display only.
"""

import sys
import warnings
from contextlib import suppress
from functools import cache

import numpy as np
import torch
from torch import Tensor

from tasks.errors import UserError
from tasks.families.config import FamiliesConfig
from tasks.families.distance import orbit_distances
from tasks.symmetry.group import DihedralGroup

MAP_DIMENSIONS = 2
CHANCE = 1 / 2000
"""Share of pairs of shuffled features that are at least as similar as families have to be."""
SAMPLE = 1024
"""Most features of which the bound is measured: half a million pairs."""


def group_features(
    distance_mm: np.ndarray, least_similarity: float, config: FamiliesConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Group features by their distances [m, m] and return each feature's family, int [m], and membership strength, [m].

    Families are numbered from 0, largest first; −1 marks a feature in no family. The strength is the mean similarity to
    the other members, at least 0. Raises UserError unless there are more features than `config.neighbours` and
    `config.min_family_size`.
    """
    check_enough(len(distance_mm), config)
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    tree = linkage(squareform(distance_mm, checks=False), "average")
    family_m = _largest_first(fcluster(tree, 1 - least_similarity, "distance"), config)
    strength_m = np.zeros(len(family_m))
    for family in range(family_m.max() + 1):
        members = np.flatnonzero(family_m == family)
        to_others_s = distance_mm[np.ix_(members, members)].sum(1, dtype=np.float64) / (len(members) - 1)
        strength_m[members] = np.clip(1 - to_others_s, 0, 1)
    return family_m, strength_m


def least_similarity(blocks_mgd: Tensor, group: DihedralGroup, seed: int) -> float:
    """Return the similarity that a share CHANCE of all pairs of features reaches when the features are shuffled.

    blocks_mgd: [m, |G|, d]. At most SAMPLE features are drawn.
    """
    order = torch.randperm(len(blocks_mgd), generator=torch.Generator().manual_seed(seed))
    distance_ss, _ = orbit_distances(shuffled(blocks_mgd[order[:SAMPLE]], seed), group)
    return float(1 - np.quantile(distance_ss[np.triu_indices(len(distance_ss), 1)], CHANCE))


def shuffled(blocks_mgd: Tensor, seed: int) -> Tensor:
    """Return the features with the blocks of each randomly permuted among the group's elements, [m, |G|, d].

    Of features with one block, the channels are permuted.
    """
    axis = 1 if blocks_mgd.shape[1] > 1 else 2
    size = (len(blocks_mgd), blocks_mgd.shape[axis])
    order = torch.rand(size, generator=torch.Generator().manual_seed(seed)).argsort(1)
    order = order[..., None] if axis == 1 else order[:, None]
    return blocks_mgd.gather(axis, order.expand_as(blocks_mgd))


def group_by_prototype(features: np.ndarray, order: int, config: FamiliesConfig) -> tuple[np.ndarray, np.ndarray]:
    """Return the families of a steerable crosscoder's live features [m] without clustering, as `group_features` does.

    A family is what is live of a prototype's `order` orientations. A member's strength is 1.
    """
    family_m = _largest_first(features // order, config)
    return family_m, (family_m >= 0).astype(np.float64)


def _largest_first(labels_m: np.ndarray, config: FamiliesConfig) -> np.ndarray:
    """Number labels by falling size, from 0 on; −1 for those of fewer than `min_family_size` features."""
    _, places_m, sizes = np.unique(labels_m, return_inverse=True, return_counts=True)
    rank = np.argsort(np.argsort(-sizes, kind="stable"))
    return np.where(sizes[places_m] < config.min_family_size, -1, rank[places_m])


def check_enough(features: int, config: FamiliesConfig) -> None:
    """Raise UserError unless there are enough features for the map and for a family."""
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

        _keep_compiled()
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


@cache
def _keep_compiled() -> None:
    """Let numba keep what it compiles of UMAP on disk, for other processes: it takes 10 s (measured)."""
    from numba.core.dispatcher import Dispatcher

    for name, module in tuple(sys.modules.items()):
        if name.partition(".")[0] in ("umap", "pynndescent"):
            for function in vars(module).values():
                if isinstance(function, Dispatcher):
                    with suppress(RuntimeError):  # where no folder for it can be written
                        function.enable_caching()
