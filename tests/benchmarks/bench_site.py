"""The site of a large dictionary: a first writing, and a second one after a single feature has changed.

    python -m tests.benchmarks.bench_site [FEATURES]

Without a number, 2,000 features. They are those of a group crosscoder under 32 rotations and reflections, with 8
patches of 75 pixels each, drawn from 2,000 different ones. Shown are processor and wall seconds, files and MiB on the
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

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table
from skimage import data

from tasks.checksums import commit_folder
from tasks.report.previous import Previous
from tasks.report.site import write_pages
from tasks.report.snapshot import Snapshot
from tests.sample_tables import sample_tables
from tests.sample_tables.pictures import webp
from tests.sample_tables.planted import CROSSCODER
from tests.sample_tables.rows import row
from tests.tasks.report.conftest import snapshot_of

LARGEST_RATIO = 0.5
ROTATIONS, PATCHES, SIDE, DIFFERENT_PATCHES, NEIGHBOURS = 32, 8, 75, 2000, 4
ELEMENTS = 2 * ROTATIONS
TYPES = ("invariant", "period-180", "period-360", "period-90", "mixed")
SHARED = ("networks", "layers", "images")


def filled(table: str, **columns: np.ndarray | list) -> pl.DataFrame:
    """Return rows of a table from some of its columns; the others are null or zero."""
    given = {name: pl.Series(name, values) for name, values in columns.items()}
    rest = {name: value for name, value in row(table).items() if name not in given}
    return pl.DataFrame(given).with_columns(**{name: pl.lit(value) for name, value in rest.items()})


def patches(random: np.random.Generator) -> list[bytes]:
    """Return different patches of a photograph, as the analysis stores them."""
    photograph = data.astronaut()
    corners = random.integers(0, len(photograph) - SIDE, (DIFFERENT_PATCHES, 2))
    return [webp(photograph[y : y + SIDE, x : x + SIDE]) for y, x in corners]


def large_tables(features: int) -> dict[str, pl.DataFrame]:
    """Return the tables of one dictionary with so many live features."""
    random = np.random.default_rng(0)
    sample = sample_tables()
    group = {"n_rotations": ROTATIONS, "reflections": True, "group_order": ELEMENTS}
    tables = {name: sample[name] for name in SHARED}
    tables["activation_sets"] = sample["activation_sets"].with_columns(**{k: pl.lit(v) for k, v in group.items()})
    dictionary = sample["dictionaries"].filter(dictionary_id=CROSSCODER)
    tables["dictionaries"] = dictionary.with_columns(features=pl.lit(features), group_order=pl.lit(ELEMENTS))
    number = np.arange(features)
    profile = np.cos(2 * np.pi * np.outer(1 + number % 4, np.arange(ELEMENTS)) / ROTATIONS).ravel()
    stored = patches(random)
    of_patch = random.integers(0, len(stored), features * PATCHES)
    # by the name of the table: the columns that are not null or zero
    columns: dict[str, dict] = {
        "features": {"density": random.uniform(0.001, 0.1, features), "atom_dimension": np.ones(features, int)},
        "feature_symmetry": {
            "type": [TYPES[each % len(TYPES)] for each in number],
            "confidence": random.uniform(0, 1, features),
            "stabiliser": np.repeat("D_2", features),
        },
    }
    columns["features"]["max_activation"] = columns["features"]["mean_activation"] = random.uniform(1, 9, features)
    repeated = {
        "transform_blocks": ("element", ELEMENTS, {"cosine_to_identity": profile, "norm": 1 + 0.1 * profile}),
        "feature_harmonics": ("harmonic", ROTATIONS // 2 + 1, {"energy": np.ones(features * (ROTATIONS // 2 + 1))}),
        "feature_neighbours": (
            "rank",
            NEIGHBOURS,
            {"neighbour": (np.repeat(number, NEIGHBOURS) + np.tile(1 + np.arange(NEIGHBOURS), features)) % features},
        ),
        "feature_examples": (
            "rank",
            PATCHES,
            {
                "patch": [stored[each] for each in of_patch],
                "image_id": np.repeat(sample["images"]["image_id"][0], features * PATCHES),
                "activation": np.tile(np.linspace(9, 2, PATCHES), features),
            },
        ),
    }
    for table, own in columns.items():
        tables[table] = filled(table, feature=number, dictionary_id=np.repeat(CROSSCODER, features), **own)
    for table, (counter, count, own) in repeated.items():
        keys = {"feature": np.repeat(number, count), counter: np.tile(np.arange(count), features)}
        tables[table] = filled(table, dictionary_id=np.repeat(CROSSCODER, features * count), **keys, **own)
    return tables


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
