"""Untransformed rows of mixed3b and conv2d2: whole frames against cones, at 100 positions a photograph, in one run.

    python -m tests.benchmarks.bench_frames

A row is one unit of an image as it is. Both ways take the same rows, which are compared bit for bit; decoding images is
left out. Rounds alternate between the two, and the best of each counts. Exits with 1 when frames are less than 5 times
as fast on mixed3b, or when a row differs. On conv2d2, whose small cones hardly overlap at 100 positions, cones may win:
shown is what the one way for all layers costs there.
"""

import json
import sys

import torch
from rich.console import Console
from rich.table import Table

from tasks.activations.extractors import unit_extractor
from tasks.activations.unit_patches import UnitPatch
from tasks.vision.network import Network
from tests.benchmarks.bench_cones import inception, seconds
from tests.tasks.activations.units_of_frames import natural_frames

REQUIRED_RATIO = {"mixed3b": 5.0, "conv2d2": 0.0}
ROUNDS, FRAMES, POSITIONS = 3, 4, 100


def measure(network: Network, layer_name: str, frames_bcyx: torch.Tensor) -> tuple[float, float, bool]:
    """Rows/s of frames, rows/s of cones, and whether the rows are the same."""
    layer, extractor = network.layer(layer_name), unit_extractor(network, layer_name)
    units = torch.from_numpy(UnitPatch(layer).admissible_units(frames_bcyx.shape[-1])[0])
    generator = torch.Generator().manual_seed(0)
    chosen = torch.stack([torch.randperm(len(units) ** 2, generator=generator)[:POSITIONS] for _ in frames_bcyx])
    frame_r, y_r, x_r = (
        torch.arange(FRAMES).repeat_interleave(POSITIONS),
        *(units[place.flatten()] for place in (chosen // len(units), chosen % len(units))),
    )
    patches = torch.stack(
        [
            frame_cyx[:, top : top + layer.receptive_field, left : left + layer.receptive_field]
            for frame_cyx, top, left in zip(
                frames_bcyx[frame_r], layer.offset + layer.stride * y_r, layer.offset + layer.stride * x_r, strict=True
            )
        ]
    )
    ways = {
        "frames": lambda: network.activations(frames_bcyx, layer_name)[frame_r, :, y_r, x_r],
        "cones": lambda: extractor(patches),
    }
    same = torch.equal(ways["frames"](), ways["cones"]())
    times = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            times[name].append(seconds(way))
    return len(patches) / min(times["frames"]), len(patches) / min(times["cones"]), same


@torch.inference_mode()
def main() -> int:
    network, frames_bcyx = inception(), natural_frames(FRAMES)
    table = Table(title=f"{network.name}, {POSITIONS} rows a frame, {torch.get_num_threads()} threads")
    for heading in ("layer", "rows/s, frames", "rows/s, cones", "ratio"):
        table.add_column(heading, justify="right")
    result = {"required": REQUIRED_RATIO, "ratio": {}, "same_rows": True, "rows_per_second": {}}
    for layer in REQUIRED_RATIO:
        of_frames, of_cones, same = measure(network, layer, frames_bcyx)
        result["ratio"][layer] = of_frames / of_cones
        result["rows_per_second"][layer] = {"frames": of_frames, "cones": of_cones}
        result["same_rows"] &= same
        table.add_row(layer, f"{of_frames:,.0f}", f"{of_cones:,.0f}", f"{of_frames / of_cones:.1f}")
    Console().print(table)
    print(json.dumps(result))
    fast = all(result["ratio"][layer] >= ratio for layer, ratio in REQUIRED_RATIO.items())
    return 0 if result["same_rows"] and fast else 1


if __name__ == "__main__":
    sys.exit(main())
