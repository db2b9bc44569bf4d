"""Seconds of a streamed extraction and training, as a multiple of an extraction that is stored and then trained on.

    python -m tests.benchmarks.bench_stream

Both ways start two workers in threads, and each computes with one thread. Rounds alternate between the two; the best of
each counts. Processor seconds are those of all threads. Exits with 1 when the dictionaries differ.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import patch

os.environ["OMP_NUM_THREADS"] = "1"  # read when PyTorch is imported

from rich.console import Console
from rich.table import Table

from tasks.activations import stream
from tasks.activations.extract import ExtractionConfig, extract_shard, finish, plan
from tasks.dictionary import store
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.train import train
from tasks.keys import file_sha256
from tasks.settings import Settings
from tasks.vision.images import ImagesConfig

EXTRACTION = ExtractionConfig(
    layer="block3_expand", images=ImagesConfig(sources=("dead-leaves",), scenes=20), n_rotations=8, orbits=640,
    orbits_per_shard=32,
)  # fmt: skip
EPOCHS, ROUNDS, BATCH = (1, 3), 2, 32
ORBITS_PER_EPOCH = 576
"""Of the train split: 9 in 10."""


def dictionary(epochs: int) -> DictionaryConfig:
    return DictionaryConfig(features=64, k=8, batch_size=BATCH, steps=epochs * ORBITS_PER_EPOCH // BATCH)


def stored(config: DictionaryConfig, settings: Settings) -> str:
    key = plan(EXTRACTION, settings).key
    shards = range(plan(EXTRACTION, settings).shards)
    with ThreadPoolExecutor(settings.workers) as workers:
        list(workers.map(lambda shard: extract_shard(key, shard, settings), shards))
    finish(key, settings)
    return train(key, config, settings)


def streamed(config: DictionaryConfig, settings: Settings) -> str:
    return train(plan(EXTRACTION, settings).key, config, settings, stream=True)


def timed(way: Callable[[DictionaryConfig, Settings], str], epochs: int, folder: Path) -> dict:
    """Seconds, processor seconds, bytes of the shards on disk, shards made by the stream, and the model's SHA-256."""
    settings, made = Settings(data_dir=folder, task_runner="threads", workers=2), []
    make = stream.make_shard

    def counted(key: str, shard: int, settings: Settings) -> bytes:
        made.append(shard)
        return make(key, shard, settings)

    started, processor = time.perf_counter(), time.process_time()
    with patch.object(stream, "make_shard", counted):
        key = way(dictionary(epochs), settings)
    seconds, processor = time.perf_counter() - started, time.process_time() - processor
    on_disk = sum(file.stat().st_size for file in folder.glob("activations/*/*.safetensors"))
    model = file_sha256(store.folder_of(key, settings) / "model.safetensors")
    return {"seconds": seconds, "processor": processor, "bytes": on_disk, "shards": len(made), "model": model}


def main() -> int:
    table = Table(title=f"{EXTRACTION.layer}, {EXTRACTION.orbits} orbits under |G| = {EXTRACTION.group.order}")
    for heading in ("epochs", "stored: s", "streamed: s", "ratio", "ratio of processor s", "MiB stored", "shards made"):
        table.add_column(heading, justify="right")
    result, same = {}, True
    with tempfile.TemporaryDirectory() as folder:
        timed(streamed, 1, Path(folder) / "warm up")
        for epochs in EPOCHS:
            runs = {"stored": [], "streamed": []}
            for number in range(ROUNDS):
                for way in (stored, streamed):
                    place = Path(folder) / f"{way.__name__} {epochs} {number}"
                    runs[way.__name__].append(timed(way, epochs, place))
            best = {
                name: {value: min(run[value] for run in of_way) for value in ("seconds", "processor")}
                for name, of_way in runs.items()
            }
            ratio, processor = (best["streamed"][v] / best["stored"][v] for v in ("seconds", "processor"))
            same &= len({run["model"] for of_way in runs.values() for run in of_way}) == 1
            shards, size = runs["streamed"][0]["shards"], runs["stored"][0]["bytes"]
            assert runs["streamed"][0]["bytes"] == 0
            result[epochs] = {"ratio": ratio, "processor_ratio": processor, "shards": shards, "best": best}
            table.add_row(
                f"{epochs}", f"{best['stored']['seconds']:.1f}", f"{best['streamed']['seconds']:.1f}", f"{ratio:.2f}",
                f"{processor:.2f}", f"{size / 2**20:.1f}", f"{shards}",
            )  # fmt: skip
    Console().print(table)
    print(json.dumps(result | {"same dictionaries": same, "processors": os.cpu_count()}))
    return int(not same)


if __name__ == "__main__":
    sys.exit(main())
