"""TCAV of one class at one layer against ten random sets: ours against captum's, in the same run.

    python -m tests.benchmarks.bench_tcav

Both start from the same frames of drawn exemplars and end with the concept's ten scores at a block of
efficientnet_lite0, each as it does by default: ours with logistic regression on averaged activations, captum with SGD
on whole maps. Each runs in a process of its own, whose peak memory counts with all that it imported. A second is one of
processor time on one thread, imports and drawing left out.

block2's whole maps have 75,264 units; those of InceptionV1's mixed4d, where the study looks, 103,488. Exits with 1 when
ours is less than 5 times as fast there or takes more memory. block10's maps have 21,952, and ours mostly runs the
network there, which no TCAV can leave out. The third row is that part alone, and its ratio is the largest possible one:
exits with 1 when ours reaches less than 0.6 of it.
"""

import json
import resource
import subprocess
import sys
import time

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from tasks.concepts.cav import fit_cav, layer_activations
from tasks.concepts.config import CavConfig
from tasks.concepts.synthetic_patterns import draw_pattern
from tasks.concepts.tcav import class_gradients, score, sensitivities
from tasks.vision.networks import load_network

REQUIRED_RATIO = {"block2": 5.0, "block10": 0.0}
REQUIRED_SHARE = 0.6
"""Of the ratio that the network's passes alone would have."""
NETWORK, CLASS, SIDE = "efficientnet_lite0", 340, 224
EXEMPLARS, RANDOM_SETS = 10, 10
OTHERS = ("dots", "honeycombs", "zigzags", "checks")


def exemplars() -> tuple[Tensor, Tensor, list[Tensor]]:
    """Frames of the class, of the concept and of the random sets."""
    class_ncyx, concept_ncyx = (
        torch.stack([draw_pattern("stripes", seed, index, SIDE) for index in range(EXEMPLARS)]) for seed in (0, 1)
    )
    random_sets = [
        torch.stack([draw_pattern(OTHERS[index % len(OTHERS)], seed, index, SIDE) for index in range(EXEMPLARS)])
        for seed in range(RANDOM_SETS)
    ]
    return class_ncyx, concept_ncyx, random_sets


def ours(layer: str) -> tuple[float, list[float]]:
    """Seconds and scores."""
    import sklearn.linear_model  # noqa: F401

    network, config = load_network(NETWORK), CavConfig()
    class_ncyx, concept_ncyx, random_sets = exemplars()
    started = time.process_time()
    gradients_ncyx = class_gradients(network, layer, CLASS, class_ncyx)
    concept_nd, *random_nds = (
        layer_activations(network, layer, frames_ncyx, config.pool) for frames_ncyx in (concept_ncyx, *random_sets)
    )
    cavs = [fit_cav(concept_nd, random_nd, config) for random_nd in random_nds]
    scores = [score(sensitivities(gradients_ncyx, cav)) for cav in cavs]
    return time.process_time() - started, scores


def captums(layer: str) -> tuple[float, list[float]]:
    """Seconds and scores."""
    import sklearn.linear_model  # noqa: F401

    from tests.tasks.concepts.captums import sign_counts

    class_ncyx, concept_ncyx, random_sets = exemplars()
    started = time.process_time()
    pairs = [(concept_ncyx, frames_ncyx) for frames_ncyx in random_sets]
    scores = sign_counts(NETWORK, layer, CLASS, class_ncyx, pairs)
    return time.process_time() - started, scores


def network_alone(layer: str) -> tuple[float, list[float]]:
    """Seconds of the passes through the network, and no scores."""
    network = load_network(NETWORK)
    class_ncyx, concept_ncyx, random_sets = exemplars()
    started = time.process_time()
    class_gradients(network, layer, CLASS, class_ncyx)
    for frames_ncyx in (concept_ncyx, *random_sets):
        layer_activations(network, layer, frames_ncyx, CavConfig().pool)
    return time.process_time() - started, []


WAYS = {"ours": ours, "captum": captums, "network alone": network_alone}


def measure(way: str, layer: str) -> None:
    """In a process of its own: print what it took."""
    torch.set_num_threads(1)
    seconds, scores = WAYS[way](layer)
    gibibytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    mean_score = sum(scores) / len(scores) if scores else None
    print(json.dumps({"seconds": seconds, "gibibytes": gibibytes, "mean_score": mean_score}))


def main() -> int:
    table = Table(title=f"{NETWORK}, {RANDOM_SETS} random sets, {EXEMPLARS} exemplars each, one thread")
    for heading in ("layer", "", "CPU s", "GiB", "mean score", "ratio", "required"):
        table.add_column(heading, justify="right")
    result, passed = {}, True
    for layer, required in REQUIRED_RATIO.items():
        found = {}
        for way in WAYS:
            command = [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.bench_tcav", way, layer]
            output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            found[way] = json.loads(output.splitlines()[-1])
        ratios = {way: found["captum"]["seconds"] / values["seconds"] for way, values in found.items()}
        required = max(required, REQUIRED_SHARE * ratios["network alone"])
        for way, values in found.items():
            score_shown = "" if values["mean_score"] is None else f"{values['mean_score']:.2f}"
            figures = (f"{values['seconds']:.1f}", f"{values['gibibytes']:.2f}", score_shown, f"{ratios[way]:.1f}")
            table.add_row(layer, way, *figures, f"{required:.1f}" if way == "ours" else "")
        passed &= ratios["ours"] >= required and found["ours"]["gibibytes"] <= found["captum"]["gibibytes"]
        result[layer] = {"ratio": ratios["ours"], "required": required, **found}
    Console().print(table)
    print(json.dumps(result))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(measure(*sys.argv[1:]) if len(sys.argv) > 1 else main())
