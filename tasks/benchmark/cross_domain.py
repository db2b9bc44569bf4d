"""Cross-domain: what remains of a dictionary on images of another domain (ViSAEBench M6).

The score of a domain is the mean of four parts, each from 0 to 1: 1 − FVU; the share of the features that fire on the
photographs and fire here too; the overlap of both sets of features (intersection over union); the accuracy of a probe
of `COUNT` features that tells this domain's classes apart.
"""

from typing import NamedTuple

import numpy as np

from tasks.benchmark.probes import fitted, ranked, split
from tasks.benchmark.sparse_probing import STEPS

COUNT = 10


class CrossDomain(NamedTuple):
    """The parts of the score of one domain; images: number of test images of the probe."""

    fvu: float
    coverage: float
    overlap: float
    accuracy: float
    images: int

    @property
    def score(self) -> float:
        """The mean of the parts; 1 − FVU is at least 0."""
        return (min(max(1 - self.fvu, 0.0), 1.0) + self.coverage + self.overlap + self.accuracy) / 4


def cross_domain(
    active_m: np.ndarray, codes_nm: np.ndarray, fvu: float, labels_n: np.ndarray, seed: int
) -> CrossDomain:
    """Score one domain.

    active_m: which features fire on the photographs; codes_nm: largest activation of each feature over the positions of
    an image of the domain; fvu: on the domain's images, normalised as the photographs. The probe's features are chosen
    on its train images.
    """
    here_m = codes_nm.max(0) > 0
    both, either, known = (int(which_m.sum()) for which_m in (active_m & here_m, active_m | here_m, active_m))
    train, test = split(labels_n, seed)
    chosen = ranked(codes_nm[train], labels_n[train])[:COUNT]
    probe = fitted(codes_nm[train][:, chosen], labels_n[train], STEPS, seed)
    return CrossDomain(
        fvu=fvu,
        coverage=both / known if known else 1.0,
        overlap=both / either if either else 0.0,
        accuracy=float(probe.score(codes_nm[test][:, chosen], labels_n[test])),
        images=len(test),
    )
