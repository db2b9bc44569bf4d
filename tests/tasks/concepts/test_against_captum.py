"""TCAV against captum's: the same exemplars and the same classifier give the same sign counts."""

import pytest
import torch
from torch import Tensor

from tasks.concepts.cav import CavConfig, fit_cav, layer_activations, split
from tasks.concepts.drawn import draw_pattern
from tasks.concepts.tcav import class_gradients, score, sensitivities

pytest.importorskip("captum")

from captum.concept._utils.classifier import Classifier

from tests.tasks.concepts.captums import sign_counts

LAYER, ZEBRA, EXEMPLARS, SIDE = "block12", 340, 8, 224
CONFIG = CavConfig(pool="none")


class PlainLogistic(Classifier):
    """scikit-learn's logistic regression on whole maps, fitted to the exemplars that ours is fitted to."""

    def __init__(self) -> None:
        pass

    def train_and_eval(self, dataloader, **kwargs) -> None:
        from sklearn.linear_model import LogisticRegression

        rows_nd, labels_n = map(torch.cat, zip(*dataloader, strict=True))
        self.ids = labels_n.unique().tolist()
        fitted = torch.cat([(labels_n == id).nonzero()[:, 0][split(EXEMPLARS, CONFIG)[0]] for id in self.ids])
        x_nd, y_n = rows_nd[fitted].double().numpy(), labels_n[fitted].numpy() == self.ids[0]
        scale = x_nd.var(0).sum() ** 0.5
        model = LogisticRegression(C=1 / (CONFIG.penalty * len(x_nd)), tol=1e-8, max_iter=1000).fit(x_nd / scale, y_n)
        self.normal_d = torch.from_numpy(model.coef_[0])

    def weights(self) -> Tensor:
        return torch.stack([self.normal_d, -self.normal_d])

    def classes(self) -> list[int]:
        return self.ids


def test_the_same_classifier_gives_captums_sign_counts(lite0):
    concept_ncyx = torch.stack([draw_pattern("stripes", 0, index, SIDE) for index in range(EXEMPLARS)])
    class_ncyx = torch.stack([draw_pattern("zigzags", 0, index, SIDE) for index in range(12)])
    random_sets = [
        torch.stack([draw_pattern(pattern, 0, index, SIDE) for index in range(EXEMPLARS)])
        for pattern in ("dots", "honeycombs")
    ]
    theirs = sign_counts(lite0.preprocess, LAYER, ZEBRA, class_ncyx, concept_ncyx, random_sets, PlainLogistic())

    gradients_ncyx = class_gradients(lite0, LAYER, ZEBRA, class_ncyx)
    concept_nd = layer_activations(lite0, LAYER, concept_ncyx, CONFIG.pool)
    cavs = [fit_cav(concept_nd, layer_activations(lite0, LAYER, frames, CONFIG.pool), CONFIG) for frames in random_sets]
    ours = [score(sensitivities(gradients_ncyx, cav)) for cav in cavs]
    assert ours == pytest.approx(theirs)
    assert any(0 < one < 1 for one in ours), "neither all images nor none: there is something to agree on"
