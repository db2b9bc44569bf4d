"""What all of ImageNet costs: one orbit an image of InceptionV1's five early layers under 64 transforms.

    python -m tests.benchmarks.bench_scale

Measured here, on every core: decoding a JPEG photograph, turning patches, and the cones, in float32 and bfloat16, each
the best of some rounds; and the 2048³ matrix product. Computed: FLOPs, bytes, and the hours of N images,

    hours = N · (decode + |G| · (turn + cone)) / 3600,

where the three times are seconds of this machine for one image, one patch and one cone. docs/scale.md has the formulas
for other machines. Exits with 1 when the extraction of orbits is slower than three fifths of what its parts take: then
the formula leaves out something that costs time.
"""

import io
import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from PIL import Image
from rich.console import Console
from rich.table import Table
from skimage import data

from tasks.activations.extract import extract_shard, orbits_at_once
from tasks.activations.extractors import unit_extractor
from tasks.activations.plan import ExtractionConfig, plan
from tasks.activations.threads import computed
from tasks.settings import Settings
from tasks.symmetry.action import source_side, transform_patches
from tasks.symmetry.group import DihedralGroup
from tests.benchmarks.bench_cones import flops, has_bfloat16, in_bfloat16, inception, seconds

IMAGES = 1_281_167
"""Photographs in ImageNet's training set."""
LAYERS = ("conv2d0", "conv2d1", "conv2d2", "mixed3a", "mixed3b")
GROUP = DihedralGroup(32)
ROUNDS, DECODED, ORBITS, MATRIX, REQUIRED_SHARE = 5, 64, 96, 2048, 0.6


def decode_seconds() -> float:
    """Seconds an image to decode a JPEG of 500 by 500 pixels, ImageNet's usual size, by as many threads as cores."""
    buffer = io.BytesIO()
    Image.fromarray(data.astronaut()[:500, :500]).save(buffer, "JPEG", quality=95)

    def decode(_: int) -> None:
        Image.open(io.BytesIO(buffer.getvalue())).convert("RGB").resize((224, 224))

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return min(seconds(lambda: list(threads.map(decode, range(DECODED)))) for _ in range(ROUNDS)) / DECODED


@torch.inference_mode()
def layer_costs(network, name: str) -> dict[str, float]:
    """Return a layer's receptive field, MFLOP a cone, bytes an orbit, and seconds a turned patch and a cone."""
    extractor = unit_extractor(network, name)
    orbits, batches = orbits_at_once(extractor.side, GROUP.order), 2 * torch.get_num_threads()
    sources_bcyx = torch.rand(orbits, 3, *[source_side(extractor.side, GROUP)] * 2)

    def turned(sources_bcyx: torch.Tensor) -> torch.Tensor:
        return transform_patches(sources_bcyx, GROUP.elements, GROUP, extractor.side).flatten(0, 1)

    def seconds_each(function, batch: torch.Tensor) -> float:
        best = min(seconds(lambda: list(computed(function, [batch] * batches))) for _ in range(ROUNDS))
        return best / (batches * orbits * GROUP.order)

    patches_bcyx = turned(sources_bcyx)
    cost = {
        "side": extractor.side,
        "channels": extractor.channels,
        "mflop": flops(lambda: extractor(patches_bcyx)) / len(patches_bcyx) / 1e6,
        "orbit_bytes": 2 * GROUP.order * extractor.channels,
        "turn": seconds_each(turned, sources_bcyx),
        "cone": seconds_each(extractor, patches_bcyx),
    }
    return cost | ({"bfloat16_cone": seconds_each(in_bfloat16(extractor), patches_bcyx)} if has_bfloat16() else {})


def orbits_per_second(layer: str) -> float:
    """Return the rate at which one shard of orbits is extracted from scikit-image's photographs, files included."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        config = ExtractionConfig(
            network="inceptionv1-bvlc",
            layer=layer,
            n_rotations=32,
            orbits=ORBITS,
            orbits_per_shard=ORBITS,
            images={"sources": ["scikit-image"]},
        )
        planned = plan(config, settings)
        shard = max(range(planned.shards), key=lambda shard: len(planned.shard_rows(shard)))
        started = time.perf_counter()
        extract_shard(planned.key, shard, settings)
        return len(planned.shard_rows(shard)) / (time.perf_counter() - started)


def main() -> int:
    network = inception()
    matrices = torch.rand(2, MATRIX, MATRIX)
    product = 2 * MATRIX**3 / min(seconds(lambda: matrices[0] @ matrices[1]) for _ in range(ROUNDS))
    decode = decode_seconds()
    costs = {name: layer_costs(network, name) for name in LAYERS}
    table = Table(title=f"{IMAGES:,} images, |G| = {GROUP.order}, {torch.get_num_threads()} threads")
    headings = ("layer", "side", "MFLOP a cone", "cones/s", "of the product", "bfloat16", "PFLOP", "GB", "hours")
    for heading in headings:
        table.add_column(heading, justify="right")
    for name, cost in costs.items():
        cost["hours"] = IMAGES * (decode + GROUP.order * (cost["turn"] + cost["cone"])) / 3600
        cost["pflop"] = IMAGES * GROUP.order * cost["mflop"] / 1e9
        cost["gigabytes"] = IMAGES * cost["orbit_bytes"] / 1e9
        cost["share_of_product"] = cost["mflop"] * 1e6 / cost["cone"] / product
        table.add_row(
            *(name, f"{cost['side']}", f"{cost['mflop']:.1f}", f"{1 / cost['cone']:,.0f}"),
            f"{cost['share_of_product']:.0%}",
            f"{cost['cone'] / cost['bfloat16_cone']:.2f}" if "bfloat16_cone" in cost else "",
            *(f"{cost['pflop']:.2f}", f"{cost['gigabytes']:.1f}"),
            f"{cost['hours']:.1f}",
        )
    Console().print(table)
    result = {"decode_seconds": decode, "product_gflop_per_second": product / 1e9, "layers": costs}
    if network.name == "inceptionv1-bvlc":  # an extraction needs the real weights
        cost = costs["mixed3b"]
        parts = decode + GROUP.order * (cost["turn"] + cost["cone"])
        result |= {"share_of_parts": parts * orbits_per_second("mixed3b"), "required": REQUIRED_SHARE}
    print(json.dumps(result))
    return 0 if result.get("share_of_parts", 1.0) >= REQUIRED_SHARE else 1


if __name__ == "__main__":
    sys.exit(main())
