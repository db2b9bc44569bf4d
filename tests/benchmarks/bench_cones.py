"""Rows of mixed3b: exact cones against the plain whole-frame forward with a hook, in the same run.

    python -m tests.benchmarks.bench_cones

A row is one unit under one element of the group. The image is turned about that unit, so the plain way spends a
forward pass on every row. Both use the same weights and memory format, and their rows are compared bit for bit. Cones
are computed as an extraction does it, in threads of one core each; beside that, with PyTorch's own threads, and in
bfloat16. Rounds alternate between these and a matrix product, and the best of each counts: a busy machine only adds to
a time. Exits with 1 when cones are less than 5 times as fast or a row in float32 differs.
"""

import json
import sys
import time
from collections.abc import Callable

import torch
from rich.console import Console
from rich.table import Table
from torch.utils.flop_counter import FlopCounterMode

from tasks.activations.extractors import unit_extractor
from tasks.activations.precision import check_precision, computing_in
from tasks.activations.threads import computed
from tasks.errors import UserError
from tasks.settings import Settings
from tasks.vision import inception_v1
from tasks.vision.network import Network, Normalisation
from tasks.vision.networks import load_network
from tests.tasks.activations.units_of_frames import natural_frames, units_and_patches

LAYER, REQUIRED_RATIO, ROUNDS = "mixed3b", 5.0, 7
FRAMES, CONES, ORBIT, MATRIX = 8, 256, 64, 2048


def inception() -> Network:
    """inceptionv1-bvlc; where its weights are not here, random ones, which take the same time."""
    try:
        return load_network("inceptionv1-bvlc", Settings().weights_dir)
    except UserError:
        normalisation = Normalisation(mean=(104.0, 117.0, 123.0), bgr=True)
        module = inception_v1.bvlc()
        return Network("inceptionv1 (random weights)", "0" * 64, module, inception_v1.layer_modules(), normalisation)


def plain_forward(network: Network) -> Callable[[torch.Tensor], torch.Tensor]:
    """Images -> the layer's activations, by a hook on the classifier as anybody would write it."""
    module = inception_v1.bvlc().eval().requires_grad_(False).to(memory_format=torch.channels_last)
    module.load_state_dict(network.module.state_dict())
    seen = []
    module.get_submodule(LAYER).register_forward_hook(lambda module, args, output: seen.append(output))

    def forward(images_bchw: torch.Tensor) -> torch.Tensor:
        module(network.preprocess(images_bchw))
        return seen.pop()

    return forward


def in_bfloat16(extractor: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
    def call(patches_bchw: torch.Tensor) -> torch.Tensor:
        with computing_in("bfloat16"):
            return extractor(patches_bchw).float()

    return call


def has_bfloat16() -> bool:
    try:
        check_precision("bfloat16")
    except UserError:
        return False
    return True


def rounding_errors(network: Network, layer: str) -> dict[str, float]:
    """Errors of rows in bfloat16: the fraction of variance unexplained (FVU), and the median of the relative errors."""
    extractor = unit_extractor(network, layer)
    _, patches = units_and_patches(network, layer, natural_frames(FRAMES), CONES)
    exact_nd, rounded_nd = extractor(patches).double(), in_bfloat16(extractor)(patches).double()
    squares = (exact_nd - rounded_nd).square().sum(1)
    return {
        "fvu": (squares.sum() / (exact_nd - exact_nd.mean(0)).square().sum()).item(),
        "median_error": (squares.sqrt() / exact_nd.norm(dim=1)).median().item(),
    }


def flops(call: Callable[[], object]) -> int:
    """Floating point operations of convolutions and products, a multiplication and an addition counted as two."""
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


def seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


@torch.inference_mode()
def main() -> int:
    network = inception()
    extractor, forward = unit_extractor(network, LAYER), plain_forward(network)
    layer, frames = network.layer(LAYER), natural_frames(FRAMES)
    unit = -(layer.offset // layer.stride)
    start = layer.offset + layer.stride * unit
    side = slice(start, start + layer.receptive_field)
    same_rows = torch.equal(extractor(frames[:, :, side, side]), forward(frames)[:, :, unit, unit])

    _, patches = units_and_patches(network, LAYER, frames, CONES)
    batches = patches.split(ORBIT)
    same_rows &= torch.equal(torch.cat([*computed(extractor, batches)]), extractor(patches))
    matrices = torch.rand(2, MATRIX, MATRIX)
    cone_flop = flops(lambda: extractor(patches))
    calls = {
        "cones": (CONES, cone_flop, lambda: [*computed(extractor, batches)]),
        "cones, PyTorch's threads": (CONES, cone_flop, lambda: extractor(patches)),
        "frames": (FRAMES, flops(lambda: forward(frames)), lambda: forward(frames)),
        "product": (1, 2 * MATRIX**3, lambda: matrices[0] @ matrices[1]),
    }
    if has_bfloat16():
        rounded = in_bfloat16(extractor)
        calls["cones, bfloat16"] = (CONES, cone_flop, lambda: [*computed(rounded, batches)])
    times = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, (_, _, call) in calls.items():
            times[name].append(seconds(call))
    per_call = {name: min(values) for name, values in times.items()}
    rates = {name: flop / per_call[name] / 1e9 for name, (_, flop, _) in calls.items()}
    rows_per_second = {name: calls[name][0] / per_call[name] for name in calls if name != "product"}
    ratio = rows_per_second["cones"] / rows_per_second["frames"]

    table = Table(title=f"{network.name} {LAYER}, {torch.get_num_threads()} threads")
    for heading in ("", "rows/s", "MFLOP/row", "GFLOP/s", "of the product"):
        table.add_column(heading, justify="right")
    for name, rate in rows_per_second.items():
        rows, flop, _ = calls[name]
        share = f"{rates[name] / rates['product']:.0%}"
        table.add_row(name, f"{rate:.1f}", f"{flop / rows / 1e6:.0f}", f"{rates[name]:.1f}", share)
    table.add_row(f"{MATRIX}³ product", "", "", f"{rates['product']:.1f}", "")
    Console().print(table)
    result = {
        "ratio": ratio,
        "required": REQUIRED_RATIO,
        "same_rows": same_rows,
        "rows_per_second": rows_per_second,
        "gflop_per_second": rates,
        "share_of_product": rates["cones"] / rates["product"],
        "ratio_to_pytorchs_threads": rows_per_second["cones"] / rows_per_second["cones, PyTorch's threads"],
    }
    if "cones, bfloat16" in calls:
        result["bfloat16_ratio"] = rows_per_second["cones, bfloat16"] / rows_per_second["cones"]
        embedded = load_network("efficientnet_lite0", None)
        errors = {LAYER: (network, LAYER), "block5_expand": (embedded, "block5_expand")}
        result["bfloat16_errors"] = {layer: rounding_errors(*of) for layer, of in errors.items()}
    print(json.dumps(result))
    return 0 if same_rows and ratio >= REQUIRED_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
