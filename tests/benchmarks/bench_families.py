"""Orbit-aware distances of all pairs of features: by FFT against the loop over the group, in one run.

    python -m tests.benchmarks.bench_families

4,000 features of mixed3b's size (d = 480, |G| = 64). The loop takes one matrix product for each element of the group;
it is timed on a part of the features and scaled by the number of pairs. Exits with 1 when the FFT is less than 5 times
as fast, or a distance differs by more than TOLERANCE.
"""

import resource
import sys
import time

import torch

from tasks.families.distance import orbit_distances
from tasks.symmetry.group import DihedralGroup

FEATURES, LOOPED, CHANNELS = 4000, 500, 480
GROUP = DihedralGroup(32)
REQUIRED_RATIO, TOLERANCE = 5.0, 1e-5


def looped_distances(blocks_mgd: torch.Tensor) -> torch.Tensor:
    """As one writes it down: every pair under every element."""
    unit_mx = torch.nn.functional.normalize(blocks_mgd.flatten(1))
    best_mm = torch.full((len(blocks_mgd), len(blocks_mgd)), -1.0)
    for h in GROUP.elements:
        turned_mx = unit_mx.view_as(blocks_mgd)[:, torch.from_numpy(GROUP.cayley[:, h])].flatten(1)
        best_mm = torch.maximum(best_mm, turned_mx @ unit_mx.T)
    return (1 - best_mm).clamp_min(0)


def main() -> int:
    blocks_mgd = torch.randn(FEATURES, GROUP.order, CHANNELS, generator=torch.Generator().manual_seed(0))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    distance_mm = orbit_distances(blocks_mgd, GROUP)
    ours = time.perf_counter() - started
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20

    started = time.perf_counter()
    reference = looped_distances(blocks_mgd[:LOOPED])
    loop = (time.perf_counter() - started) * (FEATURES / LOOPED) ** 2
    difference = (torch.from_numpy(distance_mm[:LOOPED, :LOOPED]) - reference).fill_diagonal_(0).abs().max().item()

    ratio = loop / ours
    print(f"{FEATURES:,} features, |G| = {GROUP.order}, {torch.get_num_threads()} threads")
    print(f"FFT {ours:7.1f} s   {grown:.2f} GiB beyond the blocks ({blocks_mgd.nbytes / 2**30:.2f} GiB)")
    print(f"loop {loop:6.1f} s   ({LOOPED:,} features timed)")
    print(f"ratio {ratio:.1f} (required {REQUIRED_RATIO}), largest difference {difference:.1e}")
    return int(ratio < REQUIRED_RATIO or difference > TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())
