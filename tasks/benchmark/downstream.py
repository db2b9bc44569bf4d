"""Probe after over before: how much of a linear probe's accuracy survives the reconstruction (ViSAEBench M3).

A logistic regression reads the mean of an image's activations over all positions. It is fitted on the activations of
the train images, and then tested on those of the test images and on their reconstructions.
"""

from typing import NamedTuple

import numpy as np

from tasks.benchmark.probes import fitted, split

STEPS = 1000
LARGEST_RATIO = 2.0


class Downstream(NamedTuple):
    """Accuracy of the probe on activations and on reconstructions; images: number of test images."""

    before: float
    after: float
    images: int

    @property
    def ratio(self) -> float:
        """Accuracy after over before, at most `LARGEST_RATIO`; 0 if the probe is never right."""
        return min(self.after / self.before, LARGEST_RATIO) if self.before > 0 else 0.0


def downstream(before_nd: np.ndarray, after_nd: np.ndarray, labels_n: np.ndarray, seed: int) -> Downstream:
    """Probe images. before_nd, after_nd: means over positions of activations, normalised as in fvu.py."""
    train, test = split(labels_n, seed)
    probe = fitted(before_nd[train], labels_n[train], STEPS, seed)
    before, after = (float(probe.score(rows_nd[test], labels_n[test])) for rows_nd in (before_nd, after_nd))
    return Downstream(before, after, len(test))
