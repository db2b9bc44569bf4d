"""Rows per second of an extraction by two worker processes, as a multiple of one worker process.

    python -m tests.benchmarks.bench_workers

Each worker computes with one thread. Rounds alternate between one and two workers, and the best of each counts. The
start of the workers, the choice of the orbits and the first shards, for which the network is loaded, are left out.
Exits with 1 when the shards differ. The ratio says something only where two processors have nothing else to do.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # read when PyTorch is imported

from tasks.activations.extract import ExtractionConfig, extract_shard, plan
from tasks.keys import file_sha256
from tasks.settings import Settings
from tasks.vision.images import ImagesConfig

ROUNDS, WORKERS = 2, (1, 2)
CONFIG = ExtractionConfig(
    images=ImagesConfig(sources=("dead-leaves",), scenes=12), n_rotations=8, orbits=192, orbits_per_shard=16
)


def extract_timed(workers: int, folder: Path) -> tuple[float, list[str]]:
    """Return rows/s of a new extraction by so many worker processes, and the SHA-256 of its shards."""
    from flows.steps import kaleidoscope_flow, mapped

    os.environ |= {"KALEIDOSCOPE_DATA_DIR": str(folder), "KALEIDOSCOPE_WORKERS": str(workers)}
    settings = Settings()
    warm_up, timed = (plan(CONFIG.model_copy(update={"seed": seed}), settings) for seed in (1, 0))

    @kaleidoscope_flow
    def extraction() -> float:
        mapped("Start", extract_shard, [(warm_up.key, shard) for shard in range(2 * workers)])
        started = time.perf_counter()
        mapped("Extract shards", extract_shard, [(timed.key, shard) for shard in range(timed.shards)])
        return CONFIG.orbits * CONFIG.group.order / (time.perf_counter() - started)

    rows_per_second = extraction()
    return rows_per_second, [file_sha256(file) for file in sorted(timed.folder.glob("*.safetensors"))]


def main() -> int:
    from flows.servers import prefect_server

    os.environ |= {"KALEIDOSCOPE_TASK_RUNNER": "processes", "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}
    best, shards = dict.fromkeys(WORKERS, 0.0), []
    with tempfile.TemporaryDirectory() as folder, prefect_server(Settings(data_dir=Path(folder) / "server")) as server:
        server.wait()
        for number in range(ROUNDS):
            for workers in WORKERS:
                rows_per_second, made = extract_timed(workers, Path(folder) / f"{number} {workers}")
                best[workers] = max(best[workers], rows_per_second)
                shards.append(made)
    ratio, same = best[2] / best[1], all(made == shards[0] for made in shards)
    found = {f"rows/s, {workers} workers": round(rate) for workers, rate in best.items()}
    print(json.dumps(found | {"ratio": round(ratio, 2), "same shards": same, "processors": os.cpu_count()}))
    return int(not same)


if __name__ == "__main__":
    sys.exit(main())
