"""The small activation set of the tests, and runs of its extraction that are killed.

As a program, `python -m tests.tasks.activations.small_set FOLDER SEED` extracts the set twice: undisturbed to
FOLDER/undisturbed, and to FOLDER/killed in processes each of which is killed with SIGKILL, early or at a rename as
drawn by SEED, until one comes to its end. It prints how many were killed and the most temporary files one of them left.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from tasks.activations.extract import ExtractionConfig, extract
from tasks.settings import Settings
from tasks.vision.images import ImagesConfig
from tasks.vision.networks import load_network

SMALL = ExtractionConfig(
    layer="block1_depthwise",
    images=ImagesConfig(sources=("dead-leaves",), scenes=6, frame_size=64),
    n_rotations=3,
    orbits=26,
    orbits_per_shard=5,
    test_share=0.3,
)


def before_centres(plan: dict) -> dict:
    """A plan's document as it was before effective centres were measured."""
    config = {name: value for name, value in plan["config"].items() if name != "centre"}
    return {name: value for name, value in plan.items() if "centre" not in name} | {"config": config}


EARLY_KILLS = 3
"""Runs killed after a moment; the others die at a rename, so that their number does not hang on the machine's speed."""


def _kill_at_a_rename(draw: random.Random) -> None:
    """Die right before or right after one of the next renames."""
    rename, left, before = os.replace, draw.randint(1, 4), draw.random() < 0.5

    def counted(source, target):
        nonlocal left
        left -= 1
        if left == 0 and before:
            os.kill(os.getpid(), signal.SIGKILL)
        rename(source, target)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    os.replace = counted


def _run_until_whole(settings: Settings, seed: int) -> tuple[int, int]:
    draw, killed, leftovers = random.Random(seed), 0, 0
    while True:
        early = killed < EARLY_KILLS
        delay = draw.uniform(0.005, 0.05)
        child = os.fork()
        if child == 0:
            if not early:
                _kill_at_a_rename(draw)
            extract(SMALL, settings)
            os._exit(0)
        if early:
            time.sleep(delay)
            os.kill(child, signal.SIGKILL)
        if os.waitpid(child, 0)[1] == 0:
            return killed, leftovers
        killed += 1
        leftovers = max(leftovers, len(list(settings.activations_dir.glob("*/.tmp-*"))))


if __name__ == "__main__":
    # One thread from the start: a pool of threads would not live on in a forked child.
    torch.set_num_threads(1)
    # Children inherit the network and need not load it.
    load_network(SMALL.network, Settings().weights_dir)
    folder, seed = Path(sys.argv[1]), int(sys.argv[2])
    killed = _run_until_whole(Settings(data_dir=folder / "killed"), seed)
    # Last: polars keeps threads of its own from its first use on, and those would not live on in a fork either.
    extract(SMALL, Settings(data_dir=folder / "undisturbed"))
    print(*killed)
