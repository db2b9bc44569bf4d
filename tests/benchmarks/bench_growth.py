"""How time and memory grow with a study: images, orbits, features, rows of the warehouse, pages.

    python -m tests.benchmarks.bench_growth [large] [WORK ...]

Each figure is taken in a process of its own: processor seconds, and the peak of the memory beyond that of the process
before. WORK names the works to measure, by default all; `large` takes the sizes of a large study, up to 10⁶ images and
30,720 features. The growth exponent is the slope of a line through the logarithms of sizes and seconds: 1 where twice
the size takes twice the time. Exits with 1 when an exponent is above its bound, or when families take more memory than
`families_mib`.

* images: the plan of an extraction from a list of so many synthetic images.
* orbits: plan, extract and finish so many orbits of the smallest network under 2 transforms.
* features: distances, nearest features, grouping, and the description and pairs of every family, of turned copies
  with noise under |G| = 8.
* rows: load the tables of one large dictionary into a warehouse and read every view once.
* pages: write the site of such a dictionary.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from tasks.activations.extract import extract
from tasks.activations.plan import ExtractionConfig
from tasks.families.config import FamiliesConfig
from tasks.families.distance import orbit_carriers, orbit_distances
from tasks.families.grouping import group_features, least_similarity, nearest
from tasks.families.orientations import describe_family
from tasks.families.pairs import partners_of
from tasks.settings import Settings
from tasks.symmetry.group import DihedralGroup
from tasks.vision.images import ImagesConfig
from tasks.warehouse.database import open_warehouse
from tasks.warehouse.load import load
from tests.benchmarks.bench_listing import plan_images, write_list
from tests.benchmarks.bench_site import written
from tests.benchmarks.large_tables import large_tables
from tests.tasks.report.conftest import snapshot_of

GROUP, CHANNELS, COPIES, NOISE = DihedralGroup(4), 16, 8, 0.5
NEIGHBOURS = FamiliesConfig().neighbours
ORBITS_AN_IMAGE = 8
ROUNDING_MIB = 400
"""Allowed beyond the distances of families: tiles, libraries, the families' own tables."""


def families_mib(features: int) -> float:
    """Return what families may take: 4 bytes a pair of features, as docs/scale.md says."""
    return 4 * features**2 / 2**20 + ROUNDING_MIB


def images(count: int, folder: Path) -> Callable[[], None]:
    address = write_list(folder, count)
    return lambda: plan_images(address)


def orbits(count: int, folder: Path) -> Callable[[], None]:
    config = ExtractionConfig(
        network="gabor-bank",
        layer="gabor",
        images=ImagesConfig(sources=("dead-leaves",), scenes=count // ORBITS_AN_IMAGE, frame_size=64),
        orbits=count,
        n_rotations=2,
        reflections=False,
        orbits_per_shard=250,
        sampling="uniform",
    )
    return lambda: extract(config, Settings(data_dir=folder)) and None


def features(count: int, folder: Path) -> Callable[[], None]:
    generator, rng = torch.Generator().manual_seed(0), np.random.default_rng(0)
    originals_pgd = torch.randn(count // COPIES, GROUP.order, CHANNELS, generator=generator)
    element_m = torch.from_numpy(GROUP.cayley[:, rng.integers(GROUP.order, size=count)].T)
    blocks_mgd = originals_pgd.repeat_interleave(COPIES, 0)[torch.arange(count)[:, None], element_m]
    blocks_mgd += NOISE * torch.randn(blocks_mgd.shape, generator=generator)
    return lambda: group(blocks_mgd)


def group(blocks_mgd: torch.Tensor) -> None:
    """As `analyse_families` does, but for the map, whose time is that of UMAP."""
    distance_mm = orbit_distances(blocks_mgd, GROUP)
    nearest(distance_mm, NEIGHBOURS)
    family_m = group_features(distance_mm, least_similarity(blocks_mgd, GROUP, 0), FamiliesConfig())
    del distance_mm
    order = np.argsort(family_m, kind="stable")
    for members in np.split(order, np.searchsorted(family_m[order], np.arange(family_m.max() + 1)))[1:]:
        blocks_sgd = blocks_mgd[torch.from_numpy(members)]
        distance_ss, element_ss = orbit_carriers(blocks_sgd, GROUP)
        describe_family(members, distance_ss, blocks_sgd, GROUP)
        partners_of(members, distance_ss, element_ss)


def rows(count: int, folder: Path) -> Callable[[], None]:
    tables, settings = large_tables(count), Settings(data_dir=folder)

    def loaded() -> None:
        load("large", tables, settings)
        with open_warehouse(settings) as connection:
            names = connection.sql("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
            for [name] in names:
                columns = connection.table(name).columns
                everything = ", ".join(f'min(hash("{column}"))' for column in columns)
                connection.sql(f"SELECT {everything} FROM {name}").fetchall()

    return loaded


def pages(count: int, folder: Path) -> Callable[[], None]:
    snapshot = snapshot_of(large_tables(count))
    return lambda: written(snapshot, folder / "site", None) and None


@dataclass(frozen=True)
class Work:
    """prepare: (size, folder) -> the work to be measured. bound: largest growth exponent."""

    prepare: Callable[[int, Path], Callable[[], None]]
    quick: tuple[int, ...]
    large: tuple[int, ...]
    bound: float


WORKS = {
    "images": Work(images, (2_000, 8_000, 32_000), (10_000, 100_000, 1_000_000), 1.15),
    "orbits": Work(orbits, (1_000, 2_000, 4_000), (4_000, 16_000, 64_000), 1.15),
    "features": Work(features, (1_024, 2_048, 4_096), (7_680, 15_360, 30_720), 2.1),
    "rows": Work(rows, (1_000, 2_000, 4_000), (4_000, 16_000, 30_720), 1.15),
    "pages": Work(pages, (250, 500, 1_000), (1_000, 4_000, 16_000), 1.15),
}


def measure(work: str, size: int) -> None:
    """Print processor seconds, MiB beyond the process before, and bytes on the disk, as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        run = WORKS[work].prepare(size, Path(folder))
        before, started = peak_mib(), time.process_time()
        run()
        seconds, mib = time.process_time() - started, peak_mib() - before
        disk = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    print(json.dumps({"size": size, "seconds": round(seconds, 2), "mib": round(mib), "disk_mib": round(disk / 2**20)}))


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def exponent(measured: list[dict[str, float]]) -> float:
    """Return the slope of the logarithm of the seconds over that of the sizes, by least squares."""
    sizes, seconds = (np.log([each[name] for each in measured]) for name in ("size", "seconds"))
    return float(np.polyfit(sizes, seconds, 1)[0])


def main(large: bool, works: list[str]) -> int:
    table = Table("work", "sizes", "processor seconds", "MiB", "MiB on the disk", "exponent", "bound")
    result, too_much = {}, False
    for name in works:
        work, measured = WORKS[name], []
        for size in work.large if large else work.quick:
            command = [sys.executable, "-m", "tests.benchmarks.bench_growth", "measure", name, str(size)]
            measured.append(json.loads(subprocess.check_output(command, text=True).splitlines()[-1]))
        slope = exponent(measured)
        too_much |= slope > work.bound
        if name == "features":
            too_much |= any(each["mib"] > families_mib(each["size"]) for each in measured)
        columns = ([f"{each[column]:,}" for each in measured] for column in ("size", "seconds", "mib", "disk_mib"))
        table.add_row(name, *("\n".join(column) for column in columns), f"{slope:.2f}", f"{work.bound}")
        result[name] = {"exponent": slope, "bound": work.bound, "measured": measured}
    Console(width=120).print(table)
    print(json.dumps(result))
    return int(too_much)


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        measure(sys.argv[2], int(sys.argv[3]))
    else:
        named = [argument for argument in sys.argv[1:] if argument != "large"]
        sys.exit(main("large" in sys.argv[1:], named or list(WORKS)))
