"""Sparse probing: how well the k features that differ most between classes tell the classes apart (ViSAEBench M4)."""

import numpy as np

from tasks.benchmark.probes import fitted, ranked, split

COUNTS = (1, 5, 10, 20, 50, 100)
STEPS = 500


def accuracies(codes_nm: np.ndarray, labels_n: np.ndarray, seed: int) -> dict[int, float]:
    """Return {k: accuracy on the test images} of probes of k features, for each k of `COUNTS` that there are.

    codes_nm: largest activation of each feature over the positions of an image. As in the package, the features are
    chosen on all images, test images included.
    """
    order, (train, test) = ranked(codes_nm, labels_n), split(labels_n, seed)
    found = {}
    for count in (count for count in COUNTS if count <= codes_nm.shape[1]):
        chosen_nk = codes_nm[:, order[:count]]
        probe = fitted(chosen_nk[train], labels_n[train], STEPS, seed)
        found[count] = float(probe.score(chosen_nk[test], labels_n[test]))
    return found


def area(accuracies: dict[int, float]) -> float:
    """Return the area under accuracy against k, divided by the range of k; the accuracy itself if there is one k."""
    counts, values = list(accuracies), list(accuracies.values())
    return float(np.trapezoid(values, counts) / (counts[-1] - counts[0])) if len(counts) > 1 else values[0]
