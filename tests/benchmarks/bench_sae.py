"""Training steps of a TopK SAE: ours against sae-lens, dictionary-learning and overcomplete, in the same run.

    python -m tests.benchmarks.bench_sae

d = 480, m = 3840, k = 32, batch 1024, float32 on the CPU. All see the same rows in the same order and step with the
same fused Adam. Ours does all that its training loop does. Of each library its own module and its own loss count, with
AuxK where it has one. What its trainer adds is left out, which only makes it faster: sae-lens clips the gradient and
counts firings, dictionary-learning projects and clips the gradient and keeps decoder norms at 1, overcomplete clips the
gradient and tracks dead codes. (No feature is dead for long enough yet for the AuxK of the first two.) Candidates take
each batch in turn, so that a busy machine slows all alike, and the best of each counts: a busy machine only adds to a
time. FVU is measured by one function on rows that nobody trained on.

The bound is what no form of the step in float32 can avoid: the encoder's product at the rate at which this machine does
just that, and the bytes of Adam, gradients and pre-activations at the rate at which it copies. Exits with 1 when ours
is less than twice as fast as the fastest of the others, or its FVU is worse than the best of theirs.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.topk import TopK
from tasks.symmetry.group import DihedralGroup

CHANNELS, FEATURES, K, BATCH, LEARNING_RATE = 480, 3840, 32, 1024, 1e-3
STEPS, WARM_UP, HELD_OUT = 64, 4, 4096
ATOMS, ATOMS_PER_ROW, NOISE = 2048, 24, 0.05
REQUIRED_RATIO = 2.0

PARAMETERS = 2 * CHANNELS * FEATURES + CHANNELS + FEATURES
# Adam reads parameter, gradient and two moments and writes three of them; a gradient is written; `pre` written and read
BYTES = 4 * (7 * PARAMETERS + PARAMETERS + 2 * BATCH * FEATURES)


def planted_rows(count: int) -> Tensor:
    """Rows [count, d] with E‖x‖ = √d: sparse sums of atoms, common ones and rare ones, and a little noise."""
    generator = torch.Generator().manual_seed(0)
    atoms_ad = nn.functional.normalize(torch.randn(ATOMS, CHANNELS, generator=generator))
    frequency_a = 1 / (torch.arange(ATOMS) + 100.0)
    active_ra = torch.multinomial(frequency_a.expand(count, -1), ATOMS_PER_ROW, generator=generator)
    strength_ra = torch.empty(count, ATOMS_PER_ROW).exponential_(generator=generator)
    rows_rd = nn.functional.embedding_bag(active_ra, atoms_ad, mode="sum", per_sample_weights=strength_ra)
    rows_rd += NOISE * torch.randn(count, CHANNELS, generator=generator)
    return rows_rd * (CHANNELS**0.5 / rows_rd.norm(dim=1).mean())


@dataclass(frozen=True)
class Candidate:
    """`loss` of a batch [b, d] to step by, `reconstruct`: x̂ of rows [n, d]."""

    module: nn.Module
    loss: Callable[[Tensor], Tensor]
    reconstruct: Callable[[Tensor], Tensor]


def ours(rows_rd: Tensor) -> Candidate:
    config = DictionaryConfig(architecture="sae", features=FEATURES, k=K, batch_size=BATCH)
    sae = TopK(config, CHANNELS, DihedralGroup(1, reflections=False))
    sae.set_scale(rows_rd[None, :FEATURES])
    sae.initialise(rows_rd[None, :FEATURES])
    rows_since_fired_m = torch.zeros(FEATURES, dtype=torch.int64)

    def loss(x_bd: Tensor) -> Tensor:
        found = sae.loss(x_bd[None], rows_since_fired_m > config.dead_after_rows)
        rows_since_fired_m.add_(len(x_bd))
        rows_since_fired_m[found.fired_m] = 0
        return found.total

    return Candidate(sae, loss, lambda x_bd: sae.decode(sae.encode(x_bd))[:, 0])


def sae_lens(sparse: bool) -> Candidate:
    from sae_lens import TopKTrainingSAE, TopKTrainingSAEConfig
    from sae_lens.saes.sae import TrainStepInput

    # its sparse activations can't be rescaled by decoder norms, which is its default
    form = {"use_sparse_activations": sparse, "rescale_acts_by_decoder_norm": not sparse}
    sae = TopKTrainingSAE(TopKTrainingSAEConfig(d_in=CHANNELS, d_sae=FEATURES, k=K, **form))
    none_dead_m = torch.zeros(FEATURES, dtype=torch.bool)

    def loss(x_bd: Tensor) -> Tensor:
        step = TrainStepInput(x_bd, {}, none_dead_m, n_training_steps=0, is_logging_step=False)
        return sae.training_forward_pass(step).loss

    return Candidate(sae, loss, sae)


def dictionary_learning(rows_rd: Tensor) -> Candidate:
    from dictionary_learning.trainers.top_k import TopKTrainer, geometric_median

    trainer = TopKTrainer(STEPS, CHANNELS, FEATURES, K, layer=0, lm_name="", warmup_steps=0, device="cpu")
    trainer.ae.b_dec.data = geometric_median(rows_rd[:BATCH])  # as its trainer starts
    return Candidate(trainer.ae, lambda x_bd: trainer.loss(x_bd, step=0), trainer.ae)


def overcomplete() -> Candidate:
    import matplotlib

    # its import asks for what matplotlib 3.9 took away
    matplotlib.cm.get_cmap = matplotlib.colormaps.get_cmap
    from overcomplete.sae import TopKSAE

    sae = TopKSAE(CHANNELS, FEATURES, top_k=K)

    def loss(x_bd: Tensor) -> Tensor:
        return (x_bd - sae(x_bd)[2]).square().mean()

    return Candidate(sae, loss, lambda x_bd: sae(x_bd)[2])


def stepper(candidate: Candidate) -> Callable[[Tensor], None]:
    optimiser = torch.optim.Adam(candidate.module.parameters(), lr=LEARNING_RATE, fused=True)

    def step(x_bd: Tensor) -> None:
        candidate.loss(x_bd).backward()
        optimiser.step()
        optimiser.zero_grad()

    return step


@torch.no_grad()
def fvu(candidate: Candidate, rows_rd: Tensor) -> float:
    """Σ‖x − x̂‖² / Σ‖x − mean‖², the mean per channel over these rows."""
    error_rd = rows_rd - torch.cat([candidate.reconstruct(x_bd) for x_bd in rows_rd.split(BATCH)])
    return (error_rd.square().sum() / (rows_rd - rows_rd.mean(0)).square().sum()).item()


def measure(calls: dict[str, Callable[[Tensor], object]], rows_rd: Tensor) -> dict[str, list[float]]:
    """Seconds of every call on every batch, the calls taking turns."""
    seconds = {name: [] for name in calls}
    for x_bd in rows_rd.split(BATCH):
        for name, call in calls.items():
            started = time.perf_counter()
            call(x_bd)
            seconds[name].append(time.perf_counter() - started)
    return {name: values[WARM_UP:] for name, values in seconds.items()}


def main() -> int:
    rows_rd = planted_rows(STEPS * BATCH + HELD_OUT)
    train_rd, test_rd = rows_rd[:-HELD_OUT], rows_rd[-HELD_OUT:]
    torch.manual_seed(0)
    candidates = {
        "ours": ours(train_rd),
        "sae-lens": sae_lens(sparse=False),
        "sae-lens, sparse activations": sae_lens(sparse=True),
        "dictionary-learning": dictionary_learning(train_rd),
        "overcomplete": overcomplete(),
    }
    weight_dm, product_bm = torch.randn(FEATURES, CHANNELS).T, torch.empty(BATCH, FEATURES)
    source, copy = torch.ones(2, BYTES // 8)
    calls = {name: stepper(candidate) for name, candidate in candidates.items()}
    calls["product"] = lambda x_bd: torch.mm(x_bd, weight_dm, out=product_bm)
    calls["copy"] = lambda x_bd: copy.copy_(source)
    seconds = measure(calls, train_rd)

    best = {name: min(values) for name, values in seconds.items()}
    rows_per_second = {name: BATCH / best[name] for name in candidates}
    found_fvu = {name: fvu(candidate, test_rd) for name, candidate in candidates.items()}
    others = [name for name in candidates if name != "ours"]
    fastest = max(others, key=rows_per_second.get)
    ratio = rows_per_second["ours"] / rows_per_second[fastest]
    bound = best["product"] + best["copy"]

    table = Table(title=f"TopK SAE, {torch.get_num_threads()} threads, {STEPS * BATCH:,} rows")
    for heading in ("", "rows/s", "ms/step", "median", "FVU"):
        table.add_column(heading, justify="right")
    for name, rate in rows_per_second.items():
        median = statistics.median(seconds[name])
        table.add_row(name, f"{rate:,.0f}", f"{best[name] * 1e3:.1f}", f"{median * 1e3:.1f}", f"{found_fvu[name]:.3f}")
    table.add_row("bound", f"{BATCH / bound:,.0f}", f"{bound * 1e3:.1f}", "", "")
    Console().print(table)
    flop = 2 * BATCH * CHANNELS * FEATURES
    print(
        f"bound: product {flop / 1e9:.2f} GFLOP at {flop / best['product'] / 1e9:.0f} GFLOP/s, "
        f"{BYTES / 1e6:.0f} MB at {BYTES / best['copy'] / 1e9:.0f} GB/s; the dense forms take 5 such products"
    )
    result = {
        "ratio": ratio,
        "required": REQUIRED_RATIO,
        "fastest_of_the_others": fastest,
        "ratio_of_medians": min(statistics.median(seconds[name]) for name in others)
        / statistics.median(seconds["ours"]),
        "share_of_bound": bound / best["ours"],
        "rows_per_second": rows_per_second,
        "fvu": found_fvu,
    }
    print(json.dumps(result))
    return int(ratio < REQUIRED_RATIO or found_fvu["ours"] > min(found_fvu[name] for name in others))


if __name__ == "__main__":
    sys.exit(main())
