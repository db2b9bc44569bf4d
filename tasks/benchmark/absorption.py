"""Absorption: whether a class has features of its own beside those of its group (ViSAEBench M7; Karvonen et al. 2025).

A group is a set of sibling classes, such as the musical instruments. A class is absorbed where either holds: of its
`TOP` features and the group's, more than `OVERLAP` are common (intersection over union); or a probe of the class
against its siblings gains more than `GAP` in F1 from `MORE` features instead of `FEW`. Both probes are tested on the
images on which they are fitted, as in the package.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from sklearn.metrics import f1_score

from tasks.benchmark.probes import fitted, ranked
from tasks.benchmark.sparse_probing import STEPS

TOP, OVERLAP, GAP = 10, 0.5, 0.1
FEW, MORE = 1, 4
LEAST_CLASSES, LEAST_IMAGES, LEAST_OF_EACH = 3, 10, 3
"""Of a group: classes and images; of a class and of its siblings: images."""


class Absorption(NamedTuple):
    """A class within its group: the overlap of its top features with the group's, and what more features gain in F1."""

    overlap: float
    gap: float

    @property
    def absorbed(self) -> bool:
        return self.gap > GAP or self.overlap > OVERLAP


def absorption(
    codes_nm: np.ndarray, labels_n: np.ndarray, groups: Iterable[Iterable[int]], seed: int
) -> list[Absorption]:
    """Test each class of each group that is large enough; the share that is absorbed is the metric.

    codes_nm: largest activation of each feature over the positions of an image; groups: classes of each.
    """
    tests = []
    for classes in map(list, groups):
        inside_n = np.isin(labels_n, classes)
        if len(classes) < LEAST_CLASSES or inside_n.sum() < LEAST_IMAGES:
            continue
        group_nm, own_n = codes_nm[inside_n], labels_n[inside_n]
        of_group = _top(group_nm)
        for each in classes:
            is_class_n = own_n == each
            if min(is_class_n.sum(), (~is_class_n).sum()) >= LEAST_OF_EACH:
                of_class = _top(group_nm[is_class_n])
                overlap = len(of_class & of_group) / len(of_class | of_group)
                tests.append(Absorption(overlap, _gap(group_nm, is_class_n.astype(np.int64), seed)))
    return tests


def _top(codes_nm: np.ndarray) -> set[int]:
    """Return the features of the largest mean activation."""
    return set(np.argsort(codes_nm.mean(0))[-TOP:].tolist())


def _gap(codes_nm: np.ndarray, is_class_n: np.ndarray, seed: int) -> float:
    order = ranked(codes_nm, is_class_n)
    few, more = (_f1(codes_nm[:, order[:count]], is_class_n, seed) for count in (FEW, MORE))
    return more - few


def _f1(chosen_nk: np.ndarray, is_class_n: np.ndarray, seed: int) -> float:
    said_n = fitted(chosen_nk, is_class_n, STEPS, seed).predict(chosen_nk)
    return float(f1_score(is_class_n, said_n, zero_division=0.0))
