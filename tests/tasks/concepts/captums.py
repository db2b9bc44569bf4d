"""Captum's own TCAV on frames, for the tests that compare, the benchmark and the check of a study.

    python -m tests.tasks.concepts.captums flows/configs/inceptionv1-stripes-for-zebra.toml

prints captum's score of the study's clean and attacked sets, read from the PNG files that it left: with captum's own
classifier, SGD on whole maps, and with logistic regression on averaged activations, as the study's; beside it ours.

Its traps: it keeps vectors on disk by id, so each call has a folder of its own; a classifier's classes must be plain
ints; it hooks modules, and a recorded graph has no blocks, so it is given the network as it was before recording.
"""

import sys
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import mean
from unittest import mock

import torch
from captum.concept import TCAV, Concept
from captum.concept._utils.classifier import Classifier
from torch import Tensor
from torch.utils.data import DataLoader

from tasks.concepts.analyse import gather
from tasks.concepts.attack_evaluation import AttackScorer
from tasks.concepts.cav import split
from tasks.concepts.config import AttackExperimentConfig, CavConfig
from tasks.concepts.perturbed_sets import attacked_sets, class_at
from tasks.concepts.tcav import significance
from tasks.settings import Settings
from tasks.vision import networks

FRAMES_AT_ONCE = 16
CHECKED_RANDOM_SETS = 10


class PlainLogistic(Classifier):
    """scikit-learn's logistic regression, fitted to the exemplars that ours is fitted to.

    On whole maps, or for pool mean on averages over positions; channels: of the layer, needed for these.
    """

    def __init__(self, config: CavConfig, channels: int | None = None) -> None:
        self.config, self.channels = config, channels

    def train_and_eval(self, dataloader, **kwargs) -> None:
        from sklearn.linear_model import LogisticRegression

        rows_nd, labels_n = map(torch.cat, zip(*dataloader, strict=True))
        self.ids = labels_n.unique().tolist()
        places = [(labels_n == id).nonzero()[:, 0] for id in self.ids]
        fitted = torch.cat([own_n[split(len(own_n), self.config)[0]] for own_n in places])
        positions = rows_nd.shape[1] // self.channels if self.config.pool == "mean" else 1
        rows_nd = rows_nd.unflatten(1, (-1, positions)).mean(2)
        x_nd, y_n = rows_nd[fitted].double().numpy(), labels_n[fitted].numpy() == self.ids[0]
        scale = x_nd.var(0).sum() ** 0.5
        model = LogisticRegression(C=1 / (self.config.penalty * len(x_nd)), tol=1e-8, max_iter=1000)
        # a step along the average is the same step at every position
        self.normal_d = torch.from_numpy(model.fit(x_nd / scale, y_n).coef_[0]).repeat_interleave(positions)

    def weights(self) -> Tensor:
        return torch.stack([self.normal_d, -self.normal_d])

    def classes(self) -> list[int]:
        return self.ids


def sign_counts(
    network: str,
    layer: str,
    class_index: int,
    class_ncyx: Tensor,
    pairs: Sequence[tuple[Tensor, Tensor]],
    classifier: Classifier | None = None,
) -> list[float]:
    """The score of the first of each pair of sets against the second; sets: frames uint8, each made once."""
    module, path, preprocess = _plain(network, layer)

    def preprocessed(frames: Sequence[Tensor]) -> Tensor:
        return preprocess(torch.stack([*frames]).float() / 255)

    ids = {id(frames_ncyx): frames_ncyx for pair in pairs for frames_ncyx in pair}
    concepts = {
        key: Concept(number, str(number), DataLoader(frames_ncyx, FRAMES_AT_ONCE, collate_fn=preprocessed))
        for number, (key, frames_ncyx) in enumerate(ids.items())
    }
    told_apart = [[concepts[id(one)], concepts[id(other)]] for one, other in pairs]
    with tempfile.TemporaryDirectory() as folder:
        tcav = TCAV(module, [path], classifier=classifier, save_path=folder)
        scores = tcav.interpret(preprocessed(class_ncyx), told_apart, target=class_index)
    return [scores[f"{one.id}-{other.id}"][path]["sign_count"][0].item() for one, other in told_apart]


def _plain(network: str, layer: str) -> tuple[torch.nn.Module, str, networks.Normalisation]:
    """The network as it was before its graph was recorded, and the layer's module."""
    with mock.patch.object(networks, "Network", lambda *made, **labels: made[:5]):
        _, _, module, layer_modules, preprocess = networks._built_in.__wrapped__(network, Settings().weights_dir)
    module = module.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    return module, layer_modules[layer][0], preprocess


def check(config: AttackExperimentConfig, settings: Settings) -> None:
    """Print what ours and captum say of each attack of the largest fraction and ε, where it was attacked."""
    sets = gather(config.tested, settings)
    [concept], [of_class] = sets.concepts, sets.classes
    at = class_at(sets.network, config.layer, config.of_class.name, of_class.images)
    found = attacked_sets(config.grid, at, concept, sets.random, settings, config.cav)
    largest = max(config.grid.epsilons), max(config.grid.fractions)
    kept = [one for one in found if one.attack == "clean" or (one.epsilon, one.fraction) == largest]
    scorer = AttackScorer(at, config.cav)
    for one in kept:
        ours = scorer.score(one)
        print(f"ours, {one.attack}: {ours['score']:.2f} (random {ours['random_score']:.2f}, p {ours['p_value']:.2g})")
    frames = [each.frames_ncyx for each in sets.random[:CHECKED_RANDOM_SETS]]
    classifiers = {
        "classifier as ours": PlainLogistic(config.cav, sets.network.layer(config.layer).channels),
        "SGD on whole maps": None,
    }
    for name, classifier in classifiers.items():

        def captum(pairs: list[tuple[Tensor, Tensor]], classifier: Classifier | None = classifier) -> list[float]:
            return sign_counts(config.network, config.layer, at.index, of_class.images.frames_ncyx, pairs, classifier)

        controls = captum([*pairwise([*frames, frames[0]])])
        for one in kept:
            scores = captum([(one.concept.frames_ncyx, other) for other in frames])
            p_value = significance(scores, controls)
            print(
                f"captum, {name}, {one.attack}: {mean(scores):.2f} (random {mean(controls):.2f}, p {p_value:.2g})",
                flush=True,
            )


if __name__ == "__main__":
    from flows.attack import AttackFlowConfig
    from flows.config import read_config

    check(read_config(AttackFlowConfig, Path(sys.argv[1]), sys.argv[2:]), Settings())
