"""Faceted visualisation: its gradient against autograd, what the facets do to the pictures, what is refused."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tasks.concepts.cav import Cav, fit_cav, layer_activations
from tasks.concepts.config import CavConfig
from tasks.concepts.facets import FacetConfig, facet_visualisations, probe_separation
from tasks.errors import UserError
from tasks.vision.network import Network, Normalisation
from tasks.vision.visualise import VisualisationConfig, _Painting, objective_of_images, visualise

LAYER, LOWER, CHANNEL = "block6", "block3_expand", 4
SHORT = {"objective": "channel", "channel_size": 64, "steps": 6}


def a_probe(channels, seed=0, intercept=0.0):
    vector_c = torch.randn(channels, generator=torch.Generator().manual_seed(seed))
    return Cav(vector_c / vector_c.norm(), intercept, 1.0)


def direction(network, layer=LAYER, channel=CHANNEL):
    return torch.eye(network.layer(layer).channels)[channel]


def bars(count, seed, vertical):
    """uint8 [n, 3, 224, 224] sine gratings of random period and phase."""
    generator = torch.Generator().manual_seed(seed)
    period_n11, phase_n11 = torch.rand(2, count, 1, 1, generator=generator)
    wave_nyx = (2 * torch.pi * (torch.arange(224.0) / (6 + 12 * period_n11) + phase_n11)).sin().expand(-1, 224, -1)
    frames_nyx = (127.5 + 127 * (wave_nyx if vertical else wave_nyx.mT)).byte()
    return frames_nyx[:, None].expand(-1, 3, -1, -1)


class Tiny(nn.Module):
    """Two ways lead past `low`; only `high` is asked."""

    def __init__(self):
        super().__init__()
        self.stem, self.low = nn.Conv2d(3, 4, 3, 2), nn.Sequential(nn.Conv2d(4, 5, 3), nn.ReLU())
        self.beside, self.high = nn.Conv2d(4, 5, 3), nn.Conv2d(5, 6, 3)
        self.classifier = nn.Linear(6, 2)

    def forward(self, x):
        stem = self.stem(x)
        high = self.high(F.relu(self.low(stem) + self.beside(stem)))
        return self.classifier(torch.flatten(high.mean((2, 3)), 1))


def test_gradient_is_that_of_the_formula_with_a_constant_slope():
    """A few steps, of which Adam sees the gradients alone, against the paper's formula written out for autograd."""
    with torch.random.fork_rng():
        torch.manual_seed(2)
        net = Tiny()
    layers = {"low": ("low", 0), "high": ("high", 0)}
    tiny = Network("tiny", "0" * 64, net, layers, Normalisation(mean=(127.5, 127.5, 127.5), scale=127.5))
    config = FacetConfig(objective="channel", channel_size=33, steps=3, weight=1.5)
    probe, direction_c = a_probe(5), direction(tiny, "high", 3)
    found, _ = facet_visualisations(tiny, "high", direction_c, "low", [probe], config)

    painting, weight_c = _Painting(1, 33, config), 1.5 * 5**0.5 * probe.vector_d
    optimiser = torch.optim.Adam([painting.coefficients], lr=config.learning_rate)
    for _ in range(config.steps):
        stem = net.stem(tiny.preprocess(painting.transformed()))
        low = net.low(stem)
        unit = net.high(F.relu(low + net.beside(stem))).mean((2, 3))[:, 3].sum()
        [slope] = torch.autograd.grad(unit, low, retain_graph=True)
        optimiser.zero_grad()
        (-(unit + ((low * slope).sum((2, 3)) * weight_c).sum())).backward()
        optimiser.step()
    torch.testing.assert_close(found[None], painting.middle(), rtol=0, atol=1e-5)
    assert not torch.allclose(found, visualise(tiny, "high", direction_c[None], config)[0], atol=1e-3)


@pytest.mark.parametrize(("objective", "layer", "lower"), [("unit", "block3", "block1"), ("channel", LAYER, LOWER)])
def test_without_weight_all_are_the_plain_visualisation(lite0, objective, layer, lower):
    settings = SHORT | {"objective": objective, "cosine_power": 1}
    probes = [a_probe(lite0.layer(lower).channels, seed) for seed in (0, 1)]
    direction_c = direction(lite0, layer)
    faceted = facet_visualisations(lite0, layer, direction_c, lower, probes, FacetConfig(weight=0, **settings))
    plain = visualise(lite0, layer, direction_c.expand(3, -1), VisualisationConfig(**settings))
    assert torch.equal(faceted, plain)


def test_the_plain_image_stands_last_whatever_the_weight(lite0):
    probes = [a_probe(lite0.layer(LOWER).channels)]
    faceted = facet_visualisations(lite0, LAYER, direction(lite0), LOWER, probes, FacetConfig(weight=3, **SHORT))
    plain = visualise(lite0, LAYER, direction(lite0).expand(2, -1), VisualisationConfig(**SHORT))
    assert torch.equal(faceted[1], plain[1])
    assert not torch.allclose(faceted[0], plain[0], atol=0.02)


def test_each_facet_shows_in_its_own_picture(lite0):
    across, along = bars(16, 0, vertical=True), bars(16, 1, vertical=False)
    acts = [layer_activations(lite0, LOWER, frames, "mean") for frames in (across, along)]
    probes = [fit_cav(acts[0], acts[1], CavConfig()), fit_cav(acts[1], acts[0], CavConfig())]
    assert min(probe.accuracy for probe in probes) == 1
    config = FacetConfig(**SHORT | {"steps": 24})
    pictures = facet_visualisations(lite0, LAYER, direction(lite0), LOWER, probes, config)
    logits_fn, distance_nn = probe_separation(lite0, LOWER, probes, (255 * pictures).round().byte())
    plain_f = logits_fn[:, 2]
    assert (logits_fn.diagonal() > plain_f).all()
    assert logits_fn.argmax(1).tolist() == [0, 1]
    assert distance_nn[0, 1] > distance_nn[:2, 2].max()
    with torch.no_grad():  # and each still shows the unit
        values_n = objective_of_images(lite0.activations(pictures, LAYER), direction(lite0)[None], config)
        grey = objective_of_images(
            lite0.activations(torch.full((1, 3, 64, 64), 0.5), LAYER), direction(lite0)[None], config
        )
    assert (values_n > grey).all()


def test_separation_is_logit_and_cosine(lite0):
    frames = bars(3, 2, vertical=True)
    probes = [a_probe(40, seed, intercept=seed - 0.5) for seed in (0, 1)]
    logits_fn, distance_nn = probe_separation(lite0, "block3", probes, frames)
    acts_nc = layer_activations(lite0, "block3", frames, "mean")
    for f, probe in enumerate(probes):
        torch.testing.assert_close(logits_fn[f], acts_nc @ probe.vector_d + probe.intercept)
    assert distance_nn.diagonal().abs().max() < 1e-6
    assert distance_nn[0, 2].item() == pytest.approx(1 - F.cosine_similarity(acts_nc[0], acts_nc[2], dim=0).item())


@pytest.mark.parametrize(
    ("layer", "facet_layer", "channels", "message"),
    [
        ("block3", "block6", 80, "facet layer block6 of efficientnet_lite0 does not lead to block3: choose one below"),
        ("block6", "block6", 80, "does not lead to block6"),
        ("block99", "block3", 40, "no layer 'block99'"),
        ("block6", "mixed4a", 40, "no layer 'mixed4a'"),
        ("block6", "block3", 41, r"probe 0 of shape \[41\] doesn't fit efficientnet_lite0 block3: .*\[40\]"),
        ("block6", "block3", None, "no facets"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(lite0, layer, facet_layer, channels, message):
    aim_c = torch.ones(40 if layer == "block3" else 80)
    probes = [] if channels is None else [a_probe(channels)]
    with pytest.raises(UserError, match=message) as raised_error:
        facet_visualisations(lite0, layer, aim_c, facet_layer, probes, FacetConfig(**SHORT))
    assert "\n" not in str(raised_error.value)


def test_a_branch_beside_the_layer_does_not_lead_to_it(random_bvlc):
    with pytest.raises(UserError, match="mixed3a_3x3 of random does not lead to mixed3a_1x1"):
        facet_visualisations(random_bvlc, "mixed3a_1x1", torch.ones(64), "mixed3a_3x3", [a_probe(128)])


def test_a_classs_logit_is_a_direction_of_the_last_layer(random_bvlc):
    row_c = random_bvlc.module.classifier.weight[7]
    images = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    config = VisualisationConfig(objective="channel")
    with torch.no_grad():
        values_n = objective_of_images(random_bvlc.activations(images, "mixed5b"), row_c[None], config)
        logits_n = random_bvlc.logits(images)[:, 7] - random_bvlc.module.classifier.bias[7]
    torch.testing.assert_close(values_n, logits_n, rtol=1e-4, atol=1e-6)
