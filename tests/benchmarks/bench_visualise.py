"""Optimised images, steps/s: ours against torch-lucent's `render_vis`, in the same run.

    python -m tests.benchmarks.bench_visualise

Both raise the same channels of mixed3b, in one batch, on images of 224 pixels, with the transforms that each has by
default and with the same weights, preprocessing and memory format. Lucent's whole network runs, ours as far as the
layer. Third, what a unit's picture takes: the same channels on the exact cone. Rounds alternate, and the best of each
counts. A second is one of processor time on one thread: by the clock, two threads on a busy machine spread these ratios
over 1.4 to 1.8 and 5 to 9. Exits with 1 when ours is less than 1.5 times as fast, or the cone less than 5 times.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable

import torch
from rich.console import Console
from rich.table import Table

from tasks.vision import inception_v1
from tasks.vision.network import Network
from tasks.vision.visualise import VisualisationConfig, visualise
from tests.benchmarks.bench_cones import inception

LAYER, CHANNELS, SIZE = "mixed3b", (322, 334, 336, 380), 224
STEPS, ROUNDS = 3, 5
REQUIRED = {"ours": 1.5, "cone": 5.0}
"""Times Lucent's speed."""


def lucents(network: Network) -> Callable[[], None]:
    """`STEPS` steps of Lucent's, as its documentation writes them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the kornia it asks for is of 2020
        from lucent.optvis import objectives, param, render, transform

    module = inception_v1.bvlc().eval().requires_grad_(False).to(memory_format=torch.channels_last)
    module.load_state_dict(network.module.state_dict())
    objective = objectives.Objective.sum(
        [objectives.channel(LAYER, channel, batch=image) for image, channel in enumerate(CHANNELS)]
    )

    def run() -> None:
        render.render_vis(
            module,
            objective,
            param_f=lambda: param.image(SIZE, batch=len(CHANNELS)),
            transforms=[*transform.standard_transforms, network.preprocess],
            preprocess=False,
            thresholds=(STEPS,),
            progress=False,
            show_image=False,
        )

    return run


def main() -> int:
    torch.set_num_threads(1)
    network = inception()
    directions_nc = torch.eye(network.layer(LAYER).channels)[list(CHANNELS)]
    ours = VisualisationConfig(objective="channel", channel_size=SIZE, steps=STEPS)
    cone = VisualisationConfig(objective="unit", steps=STEPS)
    calls = {
        "lucent": lucents(network),
        "ours": lambda: visualise(network, LAYER, directions_nc, ours),
        "cone": lambda: visualise(network, LAYER, directions_nc, cone),
    }
    times = {name: [] for name in calls}
    for _ in range(1 + ROUNDS):  # the first warms up
        for name, call in calls.items():
            started = time.process_time()
            call()
            times[name].append(time.process_time() - started)
    steps_per_second = {name: STEPS / min(values[1:]) for name, values in times.items()}
    ratios = {name: steps_per_second[name] / steps_per_second["lucent"] for name in REQUIRED}

    sizes = {"lucent": SIZE, "ours": SIZE, "cone": network.layer(LAYER).receptive_field}
    table = Table(title=f"{network.name} {LAYER}, batch {len(CHANNELS)}, one thread")
    for heading in ("", "side, px", "steps per CPU s", "× Lucent", "required"):
        table.add_column(heading, justify="right")
    for name, rate in steps_per_second.items():
        ratio, required = (f"{figures[name]:.1f}" if name in REQUIRED else "" for figures in (ratios, REQUIRED))
        table.add_row(name, str(sizes[name]), f"{rate:.2f}", ratio, required)
    Console().print(table)
    print(json.dumps({"steps_per_second": steps_per_second, "ratio": ratios, "required": REQUIRED}))
    return 0 if all(ratios[name] >= required for name, required in REQUIRED.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
