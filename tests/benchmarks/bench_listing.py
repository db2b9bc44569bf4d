"""Listing and planning 10⁴, 10⁵ and 10⁶ images: processor seconds, and MiB beyond the process before.

    python -m tests.benchmarks.bench_listing

Each figure is taken in a process of its own. A folder has as many empty files, in 1,000 subfolders, and a list as many
lines with labels. The plan is the extraction's: keys of all images, copies among them, 2,000 orbits, split and tables.
Its images are synthetic, 64 × 64 pixels made in memory, as decoding real ones takes far longer than planning. Exits
with 1 when the plan of a million images takes more than LARGEST_MIB.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.table import Table

from tasks.activations.plan import ExtractionConfig, plan
from tasks.settings import Settings
from tasks.vision.images import ImagesConfig
from tasks.vision.networks import load_network
from tasks.vision.photographs import Photographs, open_photographs

COUNTS = (10_000, 100_000, 1_000_000)
SUBFOLDERS = 1000
SIDE = 64
LARGEST_MIB = 640


def path_of(number: int) -> str:
    return f"class-{number % SUBFOLDERS:03}/photograph-{number:07}.jpg"


def write_list(folder: Path, count: int) -> Path:
    with open(folder / "list.csv", "w") as file:
        file.write("path,label\n")
        file.writelines(f"{path_of(number)},{number % SUBFOLDERS}\n" for number in range(count))
    return folder / "list.csv"


def write_folder(folder: Path, count: int) -> Path:
    for number in range(SUBFOLDERS):
        (folder / "photographs" / f"class-{number:03}").mkdir(parents=True)
    for number in range(count):
        (folder / "photographs" / path_of(number)).touch()
    return folder / "photographs"


def synthetic(photographs: Photographs, name: str) -> Image.Image:
    """Return an image that no other name has."""
    return Image.frombytes("RGB", (SIDE, SIDE), name.encode().ljust(64)[:64] * (3 * SIDE))


def plan_images(address: Path) -> None:
    Photographs.read = synthetic
    images = ImagesConfig(sources=("folder",), folder=address, frame_size=SIDE)
    config = ExtractionConfig(layer="block1_depthwise", images=images, sampling="uniform")
    plan(config, Settings(data_dir=address.parent / "data"))


def list_images(address: Path) -> None:
    open_photographs(address, None).listing()


WORK: dict[str, tuple[Callable[[Path, int], Path], Callable[[Path], None]]] = {
    "list a folder": (write_folder, list_images),
    "list list.csv": (write_list, list_images),
    "plan list.csv": (write_list, plan_images),
}


def measure(work: str, count: int) -> None:
    """Print processor seconds and MiB of one piece of work as JSON."""
    write, run = WORK[work]
    load_network(ExtractionConfig().network, None)
    with tempfile.TemporaryDirectory() as folder:
        address = write(Path(folder), count)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.process_time()
        run(address)
        seconds = time.process_time() - started
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(json.dumps({"seconds": round(seconds, 2), "mib": round(grown / 1024)}))


def main() -> int:
    table = Table()
    for heading in ("work", "images", "processor seconds", "MiB"):
        table.add_column(heading, justify="right")
    result = {}
    for work in WORK:
        for count in COUNTS:
            command = [sys.executable, "-m", "tests.benchmarks.bench_listing", work, str(count)]
            measured = json.loads(subprocess.check_output(command, text=True).splitlines()[-1])
            result[f"{work}, {count}"] = measured
            table.add_row(work, f"{count:,}", f"{measured['seconds']:,.2f}", f"{measured['mib']:,}")
    Console().print(table)
    print(json.dumps(result))
    return int(result[f"plan list.csv, {COUNTS[-1]}"]["mib"] > LARGEST_MIB)


if __name__ == "__main__":
    if sys.argv[1:]:
        measure(sys.argv[1], int(sys.argv[2]))
    else:
        sys.exit(main())
