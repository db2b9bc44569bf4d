"""TCAV against captum's: the same exemplars and the same classifier give the same sign counts."""

import pytest
import torch

from tasks.concepts.cav import fit_cav, layer_activations
from tasks.concepts.config import CavConfig
from tasks.concepts.synthetic_patterns import draw_pattern
from tasks.concepts.tcav import class_gradients, score, sensitivities

pytest.importorskip("captum")

from tests.tasks.concepts.captums import PlainLogistic, sign_counts

LAYER, ZEBRA, EXEMPLARS, SIDE = "block12", 340, 8, 224


@pytest.mark.parametrize("pool", ["none", "mean"])
def test_the_same_classifier_gives_captums_sign_counts(lite0, pool):
    config = CavConfig(pool=pool)
    concept_ncyx = torch.stack([draw_pattern("stripes", 0, index, SIDE) for index in range(EXEMPLARS)])
    class_ncyx = torch.stack([draw_pattern("zigzags", 0, index, SIDE) for index in range(12)])
    random_sets = [
        torch.stack([draw_pattern(pattern, 0, index, SIDE) for index in range(EXEMPLARS)])
        for pattern in ("dots", "honeycombs")
    ]
    pairs = [(concept_ncyx, frames) for frames in random_sets]

    gradients_ncyx = class_gradients(lite0, LAYER, ZEBRA, class_ncyx)
    concept_nd = layer_activations(lite0, LAYER, concept_ncyx, config.pool)
    cavs = [fit_cav(concept_nd, layer_activations(lite0, LAYER, frames, config.pool), config) for frames in random_sets]
    ours = [score(sensitivities(gradients_ncyx, cav)) for cav in cavs]
    classifier = PlainLogistic(config, lite0.layer(LAYER).channels)
    theirs = sign_counts("efficientnet_lite0", LAYER, ZEBRA, class_ncyx, pairs, classifier)
    assert ours == pytest.approx(theirs)
    assert any(0 < one < 1 for one in ours), "neither all images nor none: there is something to agree on"
