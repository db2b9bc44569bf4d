"""Captum's own TCAV on frames, for the test that compares and for the benchmark.

Its traps: it keeps vectors on disk by id, so each call has a folder of its own; a classifier's classes must be plain
ints; it hooks modules, and a recorded graph has no blocks, so it is given the network as it was before recording.
"""

import tempfile
from collections.abc import Sequence

import torch
from captum.concept import TCAV, Concept
from captum.concept._utils.classifier import Classifier
from torch import Tensor
from torch.utils.data import DataLoader

from tasks.concepts.cav import CavConfig, split
from tasks.vision import efficientnet
from tasks.vision.networks import Normalisation

FRAMES_AT_ONCE = 16


class PlainLogistic(Classifier):
    """scikit-learn's logistic regression on whole maps, fitted to the exemplars that ours is fitted to."""

    def __init__(self, config: CavConfig) -> None:
        self.config = config

    def train_and_eval(self, dataloader, **kwargs) -> None:
        from sklearn.linear_model import LogisticRegression

        rows_nd, labels_n = map(torch.cat, zip(*dataloader, strict=True))
        self.ids = labels_n.unique().tolist()
        places = [(labels_n == id).nonzero()[:, 0] for id in self.ids]
        fitted = torch.cat([own_n[split(len(own_n), self.config)[0]] for own_n in places])
        x_nd, y_n = rows_nd[fitted].double().numpy(), labels_n[fitted].numpy() == self.ids[0]
        scale = x_nd.var(0).sum() ** 0.5
        model = LogisticRegression(C=1 / (self.config.penalty * len(x_nd)), tol=1e-8, max_iter=1000)
        self.normal_d = torch.from_numpy(model.fit(x_nd / scale, y_n).coef_[0])

    def weights(self) -> Tensor:
        return torch.stack([self.normal_d, -self.normal_d])

    def classes(self) -> list[int]:
        return self.ids


def sign_counts(
    preprocess: Normalisation,
    layer: str,
    class_index: int,
    class_ncyx: Tensor,
    concept_ncyx: Tensor,
    random_sets: Sequence[Tensor],
    classifier: Classifier | None = None,
) -> list[float]:
    """The concept's score against each random set, at a block of efficientnet_lite0; sets: frames uint8."""
    state = torch.load(efficientnet.weights_path(), map_location="cpu", weights_only=True)
    module = efficientnet.efficientnet_lite0(state).eval().requires_grad_(False).to(memory_format=torch.channels_last)
    path = efficientnet.layer_modules()[layer][0]

    def preprocessed(frames: Sequence[Tensor]) -> Tensor:
        return preprocess(torch.stack([*frames]).float() / 255)

    concepts = [
        Concept(index, str(index), DataLoader(frames_ncyx, FRAMES_AT_ONCE, collate_fn=preprocessed))
        for index, frames_ncyx in enumerate([concept_ncyx, *random_sets])
    ]
    pairs = [[concepts[0], other] for other in concepts[1:]]
    with tempfile.TemporaryDirectory() as folder:
        tcav = TCAV(module, [path], classifier=classifier, save_path=folder)
        scores = tcav.interpret(preprocessed(class_ncyx), pairs, target=class_index)
    return [scores[f"0-{other.id}"][path]["sign_count"][0].item() for other in concepts[1:]]
