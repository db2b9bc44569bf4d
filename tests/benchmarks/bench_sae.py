"""Training steps of a TopK SAE: ours against sae-lens, dictionary-learning and overcomplete, in the same run.

    python -m tests.benchmarks.bench_sae

d = 480, m = 3840, k = 32, batch 1024, float32 on the CPU. All see the same rows in the same order and step with the same
fused Adam. Each library takes part in two forms: with its own trainer's step, as its users run it, and bare, its own
forward and loss with that Adam and nothing else, which is the fastest it can be (`EXTRAS` says what its trainer adds).
sae-lens has a third, its sparse activations. Candidates take each batch in turn, so that a busy machine slows all
alike, and medians count. FVU is measured by one function on rows that nobody trained on. Exits with 1 when ours is less
than twice as fast as the fastest of the others, or its FVU is worse than the best of theirs.
"""

import contextlib
import io
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.topk import TopK

CHANNELS, FEATURES, K, BATCH, LEARNING_RATE = 480, 3840, 32, 1024, 1e-3
STEPS, WARM_UP, HELD_OUT = 64, 4, 4096
ATOMS, ATOMS_PER_ROW, NOISE = 2048, 24, 0.05
REQUIRED_RATIO = 2.0

EXTRAS = {
    "sae-lens": "clips the gradient's norm, counts firings; steps with Adam unfused, which was exchanged for ours",
    "dictionary-learning": "projects the decoder's gradient, clips its norm, keeps decoder norms 1; Adam exchanged too",
    "overcomplete": "clips the gradient's norm, tracks dead codes; keeps decoder norms 1 in the bare form too",
}


def planted_rows(count: int) -> Tensor:
    """Rows [count, d] with E‖x‖ = √d: sparse sums of atoms, common ones and rare ones, and a little noise."""
    generator = torch.Generator().manual_seed(0)
    atoms_ad = torch.nn.functional.normalize(torch.randn(ATOMS, CHANNELS, generator=generator))
    frequency_a = 1 / (torch.arange(ATOMS) + 100.0)
    active_ra = torch.multinomial(frequency_a.expand(count, -1), ATOMS_PER_ROW, generator=generator)
    strength_ra = torch.empty(count, ATOMS_PER_ROW).exponential_(generator=generator)
    rows_rd = torch.nn.functional.embedding_bag(active_ra, atoms_ad, mode="sum", per_sample_weights=strength_ra)
    rows_rd += NOISE * torch.randn(count, CHANNELS, generator=generator)
    return rows_rd * (CHANNELS**0.5 / rows_rd.norm(dim=1).mean())


@dataclass(frozen=True)
class Candidate:
    """What is measured: `step` trains on a batch [b, d], `reconstruct` gives x̂ of rows [n, d]."""

    step: Callable[[Tensor], None]
    reconstruct: Callable[[Tensor], Tensor]


def adam(module: torch.nn.Module) -> torch.optim.Adam:
    return torch.optim.Adam(module.parameters(), lr=LEARNING_RATE, fused=True)


def bare(module: torch.nn.Module, loss: Callable[[Tensor], Tensor], reconstruct: Callable[[Tensor], Tensor]) -> Candidate:
    optimiser = adam(module)

    def step(x_bd: Tensor) -> None:
        loss(x_bd).backward()
        optimiser.step()
        optimiser.zero_grad()

    return Candidate(step, reconstruct)


def ours(rows_rd: Tensor) -> Candidate:
    """All that tasks/dictionary/train.py does in a step: AuxK on features that are dead, and counting what fired."""
    config = DictionaryConfig(architecture="sae", features=FEATURES, k=K, batch_size=BATCH)
    sae = TopK(config, CHANNELS, group_order=1)
    sae.initialise(rows_rd[None, :FEATURES])
    optimiser = adam(sae)
    rows_since_fired_m = torch.zeros(FEATURES, dtype=torch.int64)

    def step(x_bd: Tensor) -> None:
        loss = sae.loss(x_bd[None], rows_since_fired_m > config.dead_after_rows)
        loss.total.backward()
        optimiser.step()
        optimiser.zero_grad()
        rows_since_fired_m.add_(len(x_bd))
        rows_since_fired_m[loss.fired_m] = 0

    return Candidate(step, lambda x_bd: sae.decode(sae.encode(x_bd))[:, 0])


def sae_lens(as_trained: bool, sparse: bool) -> Candidate:
    from sae_lens import TopKTrainingSAE, TopKTrainingSAEConfig
    from sae_lens.config import LoggingConfig, SAETrainerConfig
    from sae_lens.saes.sae import TrainStepInput
    from sae_lens.training.sae_trainer import SAETrainer

    sae = TopKTrainingSAE(TopKTrainingSAEConfig(d_in=CHANNELS, d_sae=FEATURES, k=K, use_sparse_activations=sparse, rescale_acts_by_decoder_norm=not sparse))
    if as_trained:
        samples = {"lr_end": LEARNING_RATE, "total_training_samples": STEPS * BATCH, "train_batch_size_samples": BATCH}
        config = SAETrainerConfig(**samples, lr=LEARNING_RATE, logger=LoggingConfig(log_to_wandb=False))
        trainer = SAETrainer(config, sae, data_provider=iter(()))
        trainer.optimizer = adam(sae)

        def step(x_bd: Tensor) -> None:
            trainer.step(x_bd)
            trainer.n_training_steps += 1

        return Candidate(step, sae)
    no_dead_m = torch.zeros(FEATURES, dtype=torch.bool)

    def loss(x_bd: Tensor) -> Tensor:
        return sae.training_forward_pass(TrainStepInput(x_bd, {}, no_dead_m, n_training_steps=0, is_logging_step=False)).loss

    return bare(sae, loss, sae)


def dictionary_learning(as_trained: bool) -> Candidate:
    from dictionary_learning.trainers.top_k import TopKTrainer

    trainer = TopKTrainer(STEPS, CHANNELS, FEATURES, K, layer=0, lm_name="", lr=LEARNING_RATE, warmup_steps=0, device="cpu")
    if not as_trained:
        return bare(trainer.ae, lambda x_bd: trainer.loss(x_bd, step=0), trainer.ae)
    trainer.optimizer = adam(trainer.ae)
    steps = iter(range(STEPS))
    return Candidate(lambda x_bd: trainer.update(next(steps), x_bd), trainer.ae)


def overcomplete(as_trained: bool) -> Candidate:
    import matplotlib

    # overcomplete's import wants what matplotlib 3.9 took away
    matplotlib.cm.get_cmap = matplotlib.colormaps.get_cmap
    from overcomplete.sae import TopKSAE, train_sae

    sae = TopKSAE(CHANNELS, FEATURES, top_k=K)

    def mean_square(x_bd, reconstruction_bd, pre_bm, f_bm, dictionary_md):
        return (x_bd - reconstruction_bd).square().mean()

    def loss(x_bd: Tensor) -> Tensor:
        pre_bm, f_bm, reconstruction_bd = sae(x_bd)
        return mean_square(x_bd, reconstruction_bd, pre_bm, f_bm, sae.get_dictionary())

    def reconstruct(x_bd: Tensor) -> Tensor:
        return sae(x_bd)[2]

    if not as_trained:
        return bare(sae, loss, reconstruct)
    optimiser = adam(sae)
    return Candidate(
        lambda x_bd: train_sae(sae, [x_bd], mean_square, optimiser, nb_epochs=1, monitoring=0), reconstruct
    )


@torch.no_grad()
def fvu(candidate: Candidate, rows_rd: Tensor) -> float:
    """Σ‖x − x̂‖² / Σ‖x − mean‖², the mean per channel over these rows."""
    error = (rows_rd - torch.cat([candidate.reconstruct(x_bd) for x_bd in rows_rd.split(BATCH)])).square().sum()
    return (error / (rows_rd - rows_rd.mean(0)).square().sum()).item()


def main() -> int:
    rows_rd = planted_rows(STEPS * BATCH + HELD_OUT)
    train_rd, test_rd = rows_rd[:-HELD_OUT], rows_rd[-HELD_OUT:]
    torch.manual_seed(0)
    candidates = {
        "ours": ours(train_rd),
        "sae-lens": sae_lens(as_trained=True, sparse=False),
        "sae-lens sparse": sae_lens(as_trained=True, sparse=True),
        "dictionary-learning": dictionary_learning(as_trained=True),
        "overcomplete": overcomplete(as_trained=True),
        "sae-lens bare": sae_lens(as_trained=False, sparse=False),
        "sae-lens sparse bare": sae_lens(as_trained=False, sparse=True),
        "dictionary-learning bare": dictionary_learning(as_trained=False),
        "overcomplete bare": overcomplete(as_trained=False),
    }
    seconds = {name: [] for name in candidates}
    for x_bd in train_rd.split(BATCH):
        for name, candidate in candidates.items():
            started = time.perf_counter()
            candidate.step(x_bd)
            seconds[name].append(time.perf_counter() - started)
    for n,c in candidates.items(): print(f"{n:26} {statistics.median(seconds[n][4:])*1e3:.1f} {min(seconds[n][4:])*1e3:.1f} ms fvu {fvu(c,test_rd):.4f}")

if __name__ == "__main__":
    sys.exit(main())
