"""The patch fallback against the whole frame."""

import pytest
import torch
from torch import nn

from tasks.activations.extractors import unit_extractor
from tasks.activations.patches import PatchExtractor
from tasks.vision.network import Network, Normalisation
from tests.tasks.activations.units_of_frames import natural_frames, units_and_patches


def assert_patches_equal_frames(extractor, network, layer):
    units, patches = units_and_patches(network, layer, natural_frames(2), count=5)
    assert extractor(patches).shape == units.shape
    assert (extractor(patches) - units).abs().max() <= 1e-4 * units.abs().max()


@pytest.mark.parametrize("layer", ["stem", "block1_expand", "block3", "block5_depthwise", "block6"])
def test_a_patch_equals_the_embedded_networks_frame(lite0, two_threads, layer):
    assert_patches_equal_frames(PatchExtractor(lite0, layer), lite0, layer)


@pytest.mark.parametrize("layer", ["conv2d0", "mixed3b", "mixed4a_3x3"])
def test_a_patch_equals_inceptions_frame(random_bvlc, two_threads, layer):
    assert_patches_equal_frames(PatchExtractor(random_bvlc, layer), random_bvlc, layer)


@pytest.mark.parametrize("layer", ["block3", "block5"])
def test_nothing_in_the_margin_reaches_the_unit(lite0, layer):
    extractor = PatchExtractor(lite0, layer)
    assert extractor.margin > 0
    _, patches = units_and_patches(lite0, layer, natural_frames(1), count=2)
    side, margin = extractor.side, extractor.margin
    framed = torch.rand(2, 3, side + 2 * margin, side + 2 * margin, generator=torch.Generator().manual_seed(0))
    framed[:, :, margin : margin + side, margin : margin + side] = patches
    units = lite0.activations(framed, layer)[:, :, extractor.unit, extractor.unit]
    assert torch.equal(units, extractor(patches))


def test_a_network_with_other_padding_than_zeros_falls_back_to_patches():
    module = nn.Sequential(
        nn.Conv2d(3, 4, 5, stride=2, padding=2, padding_mode="reflect"), nn.ReLU(), nn.Conv2d(4, 6, 3, 2, padding=1)
    )
    layers = {"first": ("1", 0), "second": ("2", 0)}
    network = Network("reflecting", "0" * 64, module, layers, Normalisation(mean=(127.0, 127.0, 127.0), scale=128.0))
    for layer in layers:
        extractor = unit_extractor(network, layer)
        assert extractor.method == "patch"
        assert_patches_equal_frames(extractor, network, layer)


def test_patches_of_another_side_are_refused(lite0):
    with pytest.raises(ValueError, match="not 83 x 83"):
        PatchExtractor(lite0, "block5")(torch.zeros(1, 3, 85, 85))
