"""The rows from which features start: rows of the train split, or the means of clusters of such rows [ours].

Two trainings with other seeds draw other rows, and end with features that are only partly the same. Cluster means
depend less on the seed than single rows do, and so do the features that grow from them (docs/results.md).
"""

import math
import warnings
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from tasks.activations.shards import ActivationSet
from tasks.dictionary.base import Dictionary
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.rows import batches

CLUSTERED_ROWS, LEAST_PER_CLUSTER = 2**16, 4
"""So many rows are clustered, and at least so many per cluster, if the set has them."""
DIRECTIONS = 256
"""Longer rows are clustered by their products with so many random directions."""
RESTARTS = 2


def initialise(dictionary: Dictionary, acts: ActivationSet) -> None:
    """Set a new dictionary's scale, biases and features, from rows drawn with another seed than the batches."""
    config, needed = dictionary.config, dictionary.first_rows
    rows_gbd = torch.cat([*_drawn(acts, config, needed)], dim=1)
    dictionary.set_scale(rows_gbd)
    dictionary.initialise(rows_gbd if config.start == "rows" else cluster_means(acts, config, needed))


def cluster_means(acts: ActivationSet, config: DictionaryConfig, count: int) -> Tensor:
    """Return the means of `count` clusters of rows, [blocks, n, d].

    k-means on the directions of the rows' deviations from their mean. The rows are read twice, so that memory holds no
    more of them than the means. A cluster without a row, of a set with too few distinct ones, gives a row.
    """
    orbits = sum(shard.orbits for shard in acts.shards if shard.split == "train")
    distinct = orbits * acts.group.order if config.orbit_reuse else orbits
    rows = max(count, min(distinct, max(CLUSTERED_ROWS, LEAST_PER_CLUSTER * count)))
    cluster_n = _clusters(_directions(acts, config, rows), count, config.seed)
    means_gmd, done = torch.empty(0), 0
    for x_gbd in _drawn(acts, config, rows):
        if not done:
            means_gmd = x_gbd.new_zeros(len(x_gbd), count, x_gbd.shape[2])
        means_gmd.index_add_(1, cluster_n[done : done + x_gbd.shape[1]], x_gbd)
        done += x_gbd.shape[1]
    size_m = torch.bincount(cluster_n, minlength=count)
    empty_m = size_m == 0
    means_gmd /= size_m.clamp_min(1)[:, None]
    if empty_m.any():
        means_gmd[:, empty_m] = torch.cat([*_drawn(acts, config, int(empty_m.sum()))], dim=1)
    return means_gmd


def _drawn(acts: ActivationSet, config: DictionaryConfig, rows: int) -> Iterator[Tensor]:
    """Yield `rows` rows in batches [blocks, b, d]."""
    other = config.model_copy(update={"seed": config.seed + 2**31})
    for x_gbd in batches(acts, other, last_step=math.ceil(rows / config.batch_size)):
        yield x_gbd[:, :rows]
        rows -= x_gbd.shape[1]


def _directions(acts: ActivationSet, config: DictionaryConfig, rows: int) -> Tensor:
    """Return the directions of the rows' deviations from their mean, [n, ≤ DIRECTIONS]."""
    generator, parts = torch.Generator().manual_seed(config.seed), []
    projection = None
    for x_gbd in _drawn(acts, config, rows):
        x_bv = x_gbd.transpose(0, 1).flatten(1)
        if x_bv.shape[1] > DIRECTIONS:
            if projection is None:
                projection = torch.randn(x_bv.shape[1], DIRECTIONS, generator=generator)
            x_bv = x_bv @ projection
        parts.append(x_bv)
    x_nv = torch.cat(parts)
    return torch.nn.functional.normalize(x_nv - x_nv.mean(0), dim=1)


def _clusters(x_nv: Tensor, count: int, seed: int) -> Tensor:
    """Return the cluster of each row, [n]. One thread computes it, so that the bytes don't depend on their number."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    k_means = KMeans(count, n_init=RESTARTS, random_state=np.random.RandomState(seed % 2**32))
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than clusters
        return torch.from_numpy(k_means.fit_predict(x_nv.numpy())).long()
