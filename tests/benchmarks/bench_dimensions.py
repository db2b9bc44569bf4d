"""Principal axes of rows that stream by: from their moments against scikit-learn's IncrementalPCA, in one run.

    python -m tests.benchmarks.bench_dimensions

200,000 rows of mixed3b's width (d = 480) in batches of 2,048, 32 axes. The arithmetic that no way can save is the
product of the rows with themselves, 2 n d² = 92 GFLOP; it is timed on its own, as the bound. Exits with 1 when moments
are less than twice as fast, or explain less variance than the reference by more than TOLERANCE.
"""

import sys
import time

import numpy as np
from sklearn.decomposition import IncrementalPCA

from tasks.dimensions.analyse import ROWS
from tasks.dimensions.moments import Moments, principal_axes

COUNT, CHANNELS, AXES = 200_000, 480, 32
REQUIRED_RATIO, TOLERANCE = 2.0, 1e-4


def main() -> int:
    random = np.random.default_rng(0)
    decay = 1 / np.arange(1, CHANNELS + 1)
    turn = np.linalg.qr(random.normal(size=(CHANNELS, CHANNELS)))[0]
    rows = (random.normal(size=(COUNT, CHANNELS)) * decay @ turn).astype(np.float32)
    batches = [rows[start : start + ROWS] for start in range(0, COUNT, ROWS)]

    started = time.perf_counter()
    for batch in batches:
        batch.T @ batch
    bound = time.perf_counter() - started

    started = time.perf_counter()
    moments = Moments.of(batches)
    axes_dk, _ = principal_axes(moments.covariance_dd, AXES)
    ours = time.perf_counter() - started

    started = time.perf_counter()
    reference = IncrementalPCA(AXES)
    for batch in batches:
        reference.partial_fit(batch)
    theirs = time.perf_counter() - started

    covariance_dd = moments.covariance_dd
    total = np.trace(covariance_dd)
    explained = np.einsum("dk,de,ek->", axes_dk, covariance_dd, axes_dk) / total
    compared = np.einsum("kd,de,ke->", reference.components_, covariance_dd, reference.components_) / total
    ratio = theirs / ours
    print(f"{COUNT:,} rows of {CHANNELS}, {AXES} axes")
    print(f"moments {ours:9.2f} s   explain {explained:.6f}   the products alone {bound:.2f} s ({bound / ours:.0%})")
    print(f"IncrementalPCA {theirs:.2f} s   explains {compared:.6f}")
    print(f"ratio {ratio:.1f} (required {REQUIRED_RATIO})")
    return int(ratio < REQUIRED_RATIO or explained < compared - TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())
