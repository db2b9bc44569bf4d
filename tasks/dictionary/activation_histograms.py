"""How strongly a dictionary's features fire: histograms, and an example near each of a few quantiles [ours].

Bins are geometric, `BINS_PER_OCTAVE` an octave, so that no maximum has to be known before the pass over the rows.
Each feature keeps one row a bin: the one that comes first in a fixed pseudo-random order of all (row, element) pairs.
So the examples don't depend on the order or the size of the batches, features share many of them, whose patches are cut
once, and the memory is bounded by the number of features: four numbers for each of their `BINS` bins.
"""

import numpy as np
import polars
import torch
from torch import Tensor

BINS_PER_OCTAVE = 4
LEAST_BIN, MOST_BIN = -64, 63
"""The first bin also has all smaller activations, the last one all larger ones."""
BINS = MOST_BIN - LEAST_BIN + 1
EDGES = 2.0 ** (np.arange(LEAST_BIN, MOST_BIN + 2) / BINS_PER_OCTAVE)
"""The ends of the bins, [BINS + 1]."""
QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)
NONE = np.iinfo(np.int64).max
"""In the place of a candidate's order, where a bin has none."""


def bins_of(values_n: np.ndarray) -> np.ndarray:
    """Return the place of each positive activation among the bins, 0 to `BINS` - 1; bin b is at place b - LEAST_BIN."""
    return np.searchsorted(EDGES[1:-1], values_n.astype(np.float64), side="right")


class ActivationHistograms:
    """Numbers of rows and candidates for examples of every feature, by bin of activation.

    rows_ms: int64 [features, BINS], number of rows
    first_ms: int64 [features, BINS], the candidate's place in the order of (row, element) pairs, NONE without one
    position_ms: int64 [features, BINS], the candidate itself: row · |G| + element
    activation_ms: float32 [features, BINS], its activation
    """

    def __init__(self, features: int, group_order: int) -> None:
        self.group_order = group_order
        self.rows_ms = np.zeros((features, BINS), dtype=np.int64)
        self.first_ms = np.full((features, BINS), NONE)
        self.position_ms = np.full((features, BINS), -1, dtype=np.int64)
        self.activation_ms = np.zeros((features, BINS), dtype=np.float32)

    def add(self, features_n: Tensor, activations_n: Tensor, rows_n: np.ndarray, element: int) -> None:
        """Add active (row, feature) pairs, all of rows under one group element.

        features_n: int64 [n]; activations_n: float32 [n], positive; rows_n: [n], the number of each pair's row in the
        activation set. A pair must be added once.
        """
        feature_n, activation_n = features_n.numpy(), activations_n.numpy()
        cell_n = feature_n * BINS + bins_of(activation_n)
        position_n = rows_n.astype(np.int64) * self.group_order + element
        order_n = shuffled(position_n)
        np.add.at(self.rows_ms.ravel(), cell_n, 1)
        first = torch.from_numpy(self.first_ms.ravel())
        first.scatter_reduce_(0, torch.from_numpy(cell_n), torch.from_numpy(order_n), "amin")
        won_n = np.flatnonzero(self.first_ms.ravel()[cell_n] == order_n)
        self.position_ms.ravel()[cell_n[won_n]] = position_n[won_n]
        self.activation_ms.ravel()[cell_n[won_n]] = activation_n[won_n]

    def histogram(self) -> polars.DataFrame:
        """Return feature, bin, lower, upper and rows of every bin with at least one row."""
        feature, place = np.nonzero(self.rows_ms)
        lower, upper = np.append(0.0, EDGES[1:-1]), np.append(EDGES[1:-1], np.inf)
        return polars.DataFrame(
            {
                "feature": feature.astype(np.int32),
                "bin": (place + LEAST_BIN).astype(np.int32),
                "lower": lower[place],
                "upper": upper[place],
                "rows": self.rows_ms[feature, place],
            }
        )

    def quantile_examples(self) -> polars.DataFrame:
        """Return feature, quantile, row, element and activation: the candidate of the bin that contains the quantile.

        The bin of quantile q is the first up to which the share q of the feature's positive activations lies. Where two
        quantiles lie in one bin, the smaller one has the example.
        """
        through_ms = self.rows_ms.cumsum(1)
        live = np.flatnonzero(through_ms[:, -1])
        parts, before = [], np.full(len(live), -1)
        for quantile in QUANTILES:
            place = (through_ms[live] < quantile * through_ms[live, -1:]).sum(1)
            feature, chosen = live[place != before], place[place != before]
            before = place
            row, element = np.divmod(self.position_ms[feature, chosen], self.group_order)
            parts.append(
                polars.DataFrame(
                    {
                        "feature": feature,
                        "quantile": np.full(len(feature), quantile),
                        "row": row,
                        "element": element,
                        "activation": self.activation_ms[feature, chosen].astype(np.float64),
                    }
                )
            )
        return polars.concat(parts).sort("feature", "quantile")


def shuffled(position_n: np.ndarray) -> np.ndarray:
    """Return each position's place in a pseudo-random order, int64 [n].

    Different positions have different places, because every step of the mix can be undone (the finaliser of
    SplitMix64; Steele, Lea & Flood 2014).
    """
    place_n = position_n.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    place_n = (place_n ^ (place_n >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    place_n = (place_n ^ (place_n >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (place_n ^ (place_n >> np.uint64(31))).view(np.int64)
