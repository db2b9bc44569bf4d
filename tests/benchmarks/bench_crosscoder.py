"""Group crosscoder training steps: ours against the plain dense PyTorch form, in the same run.

    python -m tests.benchmarks.bench_crosscoder

Both take the same rows, the same start and the same fused Adam at the full setting (d = 480, |G| = 64, m = 3840,
k = 32, batch 256). Each form runs in a process of its own, so that its peak memory is its own. Exits with 1 when ours
is less than 4 times as fast or the losses differ by more than `LOSS_TOLERANCE`.
"""

import json
import resource
import subprocess
import sys
import time

import torch

from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.topk import TopK

CHANNELS, GROUP_ORDER, STEPS, WARM_UP = 480, 64, 7, 2
CONFIG = DictionaryConfig(features=3840, k=32, batch_size=256)
REQUIRED_RATIO, LOSS_TOLERANCE = 4.0, 1e-3


def sparse_loss(crosscoder: TopK, x_gbd: torch.Tensor) -> torch.Tensor:
    return crosscoder.loss(x_gbd).total


def dense_loss(crosscoder: TopK, x_gbd: torch.Tensor) -> torch.Tensor:
    """As one writes it down: every feature's every block is multiplied, active or not."""
    z_gbd = x_gbd * crosscoder.scale
    pre_bm = z_gbd[0] @ crosscoder.encoder.weight.T + crosscoder.encoder.bias
    values_bk, indices_bk = pre_bm.topk(crosscoder.config.k, dim=1)
    f_bm = torch.zeros_like(pre_bm).scatter(1, indices_bk, values_bk.relu())
    decoded_gbd = f_bm @ crosscoder.decoder.weight + crosscoder.decoder.bias[:, None]
    return (z_gbd - decoded_gbd).square().mean()


FORMS = {"sparse": sparse_loss, "dense": dense_loss}


def planted_orbits() -> torch.Tensor:
    """Rows [|G|, m, d] with the sparsity that mixed3b's activations have (about one channel in ten active)."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(GROUP_ORDER, CONFIG.features, CHANNELS, generator=generator).sub_(1.25).relu_()


def measure(form: str) -> dict:
    rows_gmd = planted_orbits()
    crosscoder = TopK(CONFIG, CHANNELS, GROUP_ORDER)
    crosscoder.initialise(rows_gmd)
    batches = [rows_gmd[:, step * 256 : (step + 1) * 256].clone() for step in range(STEPS)]
    del rows_gmd
    optimiser = torch.optim.Adam(crosscoder.parameters(), lr=CONFIG.learning_rate, fused=True)
    seconds, losses = [], []
    for x_gbd in batches:
        started = time.perf_counter()
        loss = FORMS[form](crosscoder, x_gbd)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        seconds.append(time.perf_counter() - started)
        losses.append(loss.item())
    step_seconds = sorted(seconds[WARM_UP:])[len(seconds[WARM_UP:]) // 2]
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"rows_per_second": CONFIG.batch_size / step_seconds, "losses": losses, "peak_gib": peak_bytes / 2**30}


def main() -> int:
    results = {}
    for form in FORMS:
        command = [sys.executable, "-m", "tests.benchmarks.bench_crosscoder", form]
        results[form] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    ratio = results["sparse"]["rows_per_second"] / results["dense"]["rows_per_second"]
    pairs = zip(results["sparse"]["losses"], results["dense"]["losses"], strict=True)
    difference = max(abs(ours - plain) / plain for ours, plain in pairs)
    for form, result in results.items():
        print(f"{form:7} {result['rows_per_second']:8.0f} rows/s   peak {result['peak_gib']:.2f} GiB")
    print(f"ratio {ratio:.2f} (required {REQUIRED_RATIO}), largest relative loss difference {difference:.1e}")
    return int(ratio < REQUIRED_RATIO or difference > LOSS_TOLERANCE)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1])))
    else:
        sys.exit(main())
