"""Number formats of shards: bytes an orbit, error of the format, and FVU of crosscoders trained on each.

    python -m tests.benchmarks.bench_number_formats
    python -m tests.benchmarks.bench_number_formats ACTIVATION_SET

The first extracts block5_expand of efficientnet_lite0 in float32, the second reads a set of the data folder. Every
crosscoder is trained on the train rows in one format (decoder of 8 harmonics, m = 480, k = 16, 200 steps of 64 rows)
and evaluated on the test rows as they are in the set. The error of a format is Σ‖x − x'‖² / Σ‖x − mean‖² on the test
rows, with the mean per channel and transform. Exits with 1 if int8 changes an activation by more than half a step.
"""

import json
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from unittest.mock import patch

import torch
from rich.console import Console
from rich.table import Table

from tasks.activations.extract import ExtractionConfig, extract
from tasks.activations.number_formats import OF_NUMBERS, computed_as, decode, encode
from tasks.activations.shards import ActivationSet
from tasks.dictionary import store
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.metrics import Variance
from tasks.dictionary.train import train
from tasks.settings import Settings
from tasks.symmetry.transformations import Transformations
from tasks.vision.images import ImagesConfig

EMBEDDED = ExtractionConfig(
    images=ImagesConfig(sources=("dead-leaves",), scenes=24), orbits=240, orbits_per_shard=24, storage="float32"
)
CROSSCODER = DictionaryConfig(features=480, k=16, harmonics=8, steps=200, batch_size=64, learning_rate=2e-3)
SEEDS = (0, 1)
MOST_SHARDS = {"train": 8, "test": 1}
"""Of a larger set, the first shards of each split."""
ORDERS = (8, 4, 2)


@dataclass(frozen=True)
class InFormat(ActivationSet):
    """A set whose train rows are read as if they had been stored in another format."""

    number_format: str

    def read(self, shard: int) -> torch.Tensor:
        acts_rgc = super().read(shard)
        if self.plan.splits[shard] == "test":
            return acts_rgc
        return in_format(acts_rgc, self.number_format, self.group)


def in_format(acts_rgc: torch.Tensor, number_format: str, group: Transformations) -> torch.Tensor:
    """Return activations as they are read from a shard in a format."""
    return decode(encode(acts_rgc.to(computed_as(number_format)), number_format, group), number_format, group)


def bytes_of_an_orbit(acts: ActivationSet, number_format: str) -> float:
    acts_rgc = acts.read(acts.shards[0].index).to(computed_as(number_format))
    return sum(tensor.nbytes for tensor in encode(acts_rgc, number_format, acts.group).values()) / len(acts_rgc)


def error_of(acts: ActivationSet, number_format: str) -> float:
    """Error of the format on the test rows."""
    variance, error = Variance(), 0.0
    for shard in (shard.index for shard in acts.shards if shard.split == "test"):
        acts_rgc = acts.read(shard)
        variance.add(acts_rgc.transpose(0, 1))
        error += (acts_rgc.double() - in_format(acts_rgc, number_format, acts.group).double()).square().sum().item()
    return error / variance.total_g().sum().item()


def within_half_a_step(acts: ActivationSet) -> bool:
    for shard in acts.shards:
        acts_rgc = acts.read(shard.index).float()
        error_rgc = (in_format(acts_rgc, "int8", acts.group) - acts_rgc).abs()
        if (error_rgc > acts_rgc.abs().amax((0, 1)) / 127 * 0.5001).any():
            return False
    return True


def fvu_of(stored: InFormat, settings: Settings) -> list[float]:
    """FVU on the set's own test rows of crosscoders trained on the format's train rows, one for each seed."""
    found = []
    for seed in SEEDS:
        with patch.object(ActivationSet, "open", lambda key, settings: stored):
            config = CROSSCODER.model_copy(update={"seed": seed})
            key = train(f"{stored.key} {stored.number_format}", config, settings)
        found.append(store.read_metrics(key, settings)["fvu"])
    return found


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder))
        if sys.argv[1:]:
            acts = ActivationSet.open(sys.argv[1], Settings())
        else:
            acts = ActivationSet.open(extract(EMBEDDED, settings), settings)
        used = [[s for s in acts.shards if s.split == split][:most] for split, most in MOST_SHARDS.items()]
        acts = replace(acts, shards=tuple(shard for of_split in used for shard in of_split))
        formats = OF_NUMBERS if acts.config.storage == "float32" else tuple(n for n in OF_NUMBERS if n != "float32")
        orders = [order for order in ORDERS if order <= acts.group.n_rotations // 2]
        title = f"{acts.config.network} {acts.config.layer}, |G| = {acts.group.order}, d = {acts.channels}"
        orbits = {split: sum(s.orbits for s in acts.shards if s.split == split) for split in MOST_SHARDS}
        table = Table(title=f"{title}, {orbits['train']} orbits for training and {orbits['test']} for the test")
        for heading in ("format", "bytes an orbit", "error", f"FVU, {len(SEEDS)} seeds", "from … to"):
            table.add_column(heading, justify="right")
        result = {}
        for number_format in (*formats, *(f"fourier-{order}" for order in orders)):
            stored = InFormat(acts.plan, acts.shards, number_format)
            fvu = fvu_of(stored, settings)
            size, error = bytes_of_an_orbit(acts, number_format), error_of(acts, number_format)
            result[number_format] = {"bytes": size, "error": error, "fvu": fvu}
            table.add_row(
                number_format, f"{size:,.0f}", f"{error:.2g}", f"{mean(fvu):.4f}", f"{min(fvu):.4f} {max(fvu):.4f}"
            )
            print(json.dumps({number_format: result[number_format]}), file=sys.stderr, flush=True)
        Console().print(table)
        print(json.dumps(result))
        return int(not within_half_a_step(acts))


if __name__ == "__main__":
    sys.exit(main())
