"""The site of a large dictionary: a first writing, and a second one after a single feature has changed.

    python -m tests.benchmarks.bench_site [FEATURES]

Without a number, 2,000 features of `large_tables`. Shown are processor and wall seconds, files and MiB on the
disk; the second site shares files with the first. PROFILE=1 in the environment profiles the first writing. Exits with 1
when the second one takes more than LARGEST_RATIO of the first one's processor time, or when it writes other feature
pages than those that name the changed feature.
"""

import cProfile
import json
import os
import pstats
import sys
import tempfile
import time
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table

from tasks.checksums import commit_folder
from tasks.report.previous import Previous
from tasks.report.site import write_pages
from tasks.report.snapshot import Snapshot
from tests.benchmarks.large_tables import NEIGHBOURS, large_tables
from tests.tasks.report.conftest import snapshot_of

LARGEST_RATIO = 0.5


def written(snapshot: Snapshot, folder: Path, previous: Path | None) -> dict[str, float]:
    """Write a site; return processor and wall seconds of the pages and of the commit, files and MiB."""
    folder.mkdir()
    start, processor = time.perf_counter(), time.process_time()
    write_pages(snapshot, folder, lambda done, total: None, Previous(previous))
    pages, processor_pages = time.perf_counter() - start, time.process_time() - processor
    files = [file for file in folder.rglob("*") if file.is_file()]
    commit_folder(folder, [str(file.relative_to(folder)) for file in files])
    return {
        "processor_seconds": time.process_time() - processor,
        "wall_seconds": time.perf_counter() - start,
        "pages_processor_seconds": processor_pages,
        "pages_wall_seconds": pages,
        "files": len(files),
        "mib": sum(file.stat().st_blocks for file in files) * 512 / 2**20,
    }


def changed_pages(before: Path, after: Path) -> set[str]:
    """Return the names of the feature pages that are not linked."""
    pages = (after / "features").iterdir()
    return {page.name for page in pages if not page.samefile(before / "features" / page.name)}


def main(features: int) -> int:
    tables = large_tables(features)
    one = pl.col("feature") == 0
    symmetry = tables["feature_symmetry"].with_columns(type=pl.when(one).then(pl.lit("mixed")).otherwise("type"))
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "first"), Path(folder, "second")
        start = time.perf_counter()
        snapshots = snapshot_of(tables), snapshot_of(tables | {"feature_symmetry": symmetry})
        print(f"2 snapshots of {features:,} features read in {time.perf_counter() - start:.0f} s")
        profile = cProfile.Profile() if "PROFILE" in os.environ else None
        if profile:
            profile.enable()
        result = {"first": written(snapshots[0], first, None)}
        if profile:
            profile.disable()
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        result["second"] = written(snapshots[1], second, first)
        differing = changed_pages(first, second)
    table = Table(title=f"{features:,} features")
    for heading in ("writing", *result["first"]):
        table.add_column(heading, justify="right")
    for name, measured in result.items():
        table.add_row(name, *(f"{value:,.1f}" for value in measured.values()))
    Console(width=160).print(table)
    ratio = result["second"]["processor_seconds"] / result["first"]["processor_seconds"]
    summary = {"ratio": ratio, "largest_ratio": LARGEST_RATIO, "changed_pages": len(differing)}
    print(json.dumps({"features": features, **summary, **result}))
    return int(ratio > LARGEST_RATIO or len(differing) > 1 + NEIGHBOURS)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 2000))
