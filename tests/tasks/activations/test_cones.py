"""Cones against the whole frame: bit for bit on InceptionV1's early layers, to rounding elsewhere."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from tasks.activations.cones import ConeExtractor
from tasks.activations.extractors import unit_extractor
from tasks.errors import UserError
from tasks.vision.inception_v1 import BRANCHES
from tests.tasks.activations.units_of_frames import natural_frames, units_and_patches

EARLY_LAYERS = ["conv2d0", "conv2d1", "conv2d2", "mixed3a", "mixed3b"]
BRANCH_LAYERS = [f"{mixed}_{branch}" for mixed in ("mixed3a", "mixed3b") for branch in BRANCHES]


def assert_cones_equal_frames(network, layer, threads):
    torch.set_num_threads(threads)
    frames = natural_frames(2)
    extractor = unit_extractor(network, layer)
    extractor.batch = 16
    units, patches = units_and_patches(network, layer, frames, count=threads * 31)  # two batches, one smaller
    assert extractor.method == "cone"
    assert torch.equal(extractor(patches), units)
    for batch in (1, 2, 5):
        assert torch.equal(extractor(patches[:batch]), units[:batch])


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("layer", EARLY_LAYERS + BRANCH_LAYERS)
def test_a_cone_is_bit_for_bit_the_whole_frames_unit(random_bvlc, two_threads, layer, threads):
    assert_cones_equal_frames(random_bvlc, layer, threads)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("layer", EARLY_LAYERS)
def test_so_it_is_with_trained_weights(bvlc, two_threads, layer, threads):
    assert_cones_equal_frames(bvlc, layer, threads)


@pytest.mark.parametrize("layer", ["stem", "block1_expand", "block2", "block5", "block5_depthwise", "block7"])
def test_a_cone_equals_the_embedded_networks_frame_to_rounding(lite0, two_threads, layer):
    units, patches = units_and_patches(lite0, layer, natural_frames(2), count=9)
    extractor = unit_extractor(lite0, layer)
    assert extractor.method == "cone"
    assert (extractor(patches) - units).abs().max() <= 1e-4 * units.abs().max()


def test_each_operation_is_computed_only_on_the_extent_the_unit_needs(random_bvlc):
    extractor = ConeExtractor(random_bvlc, "mixed3b")
    sides, modules = {}, dict(extractor.module.named_modules())
    for name in ("conv2d0.0", "pool0", "conv2d1.0", "conv2d2.0", "pool1", "mixed3a.branch_1x1.0"):
        modules[name].register_forward_hook(lambda m, a, output, name=name: sides.__setitem__(name, output.shape[-1]))
    for name in ("mixed3b.bottleneck_5x5.0", "mixed3b.bottleneck_3x3.0", "mixed3b.branch_1x1.0"):
        modules[name].register_forward_hook(lambda m, a, output, name=name: sides.__setitem__(name, output.shape[-1]))
    assert extractor(torch.zeros(1, 3, 91, 91)).shape == (1, 480)
    assert list(sides.values()) == [43, 21, 21, 19, 9, 5, 1, 3, 5]
    assert all(module.padding in (0, (0, 0)) for module in modules.values() if hasattr(module, "kernel_size"))


def test_a_branch_needs_only_its_own_part(random_bvlc):
    names = {name for name, _ in ConeExtractor(random_bvlc, "mixed3b_1x1").module.named_modules()}
    assert "mixed3b.branch_1x1.0" in names
    assert not any(name.startswith(("mixed3b.branch_5x5", "mixed3b.bottleneck", "mixed3b.pool")) for name in names)


def test_a_cone_is_a_small_part_of_the_arithmetic(random_bvlc):
    def flops(module, side):
        with FlopCounterMode(display=False) as counter:
            module(torch.zeros(2, 3, side, side))
        return counter.get_total_flops()

    assert 15 * flops(ConeExtractor(random_bvlc, "mixed3b").module, 91) < flops(random_bvlc.module, 224)


def test_a_cone_shares_the_networks_weights(random_bvlc):
    cone, network = ConeExtractor(random_bvlc, "conv2d2").module, random_bvlc.module
    for name in ("conv2d0.0", "conv2d2.0"):
        assert cone.get_submodule(name).weight is network.get_submodule(name).weight
        assert isinstance(network.get_submodule(name), nn.Conv2d)
    assert network.get_submodule("conv2d0.0").padding == (3, 3)


def test_patches_of_another_side_are_refused(random_bvlc):
    with pytest.raises(ValueError, match="not 91 x 91"):
        unit_extractor(random_bvlc, "mixed3b")(torch.zeros(1, 3, 93, 93))


def test_a_unit_that_sees_more_than_the_input_is_computed_from_a_whole_input(random_bvlc):
    extractor = unit_extractor(random_bvlc, "mixed4b")
    assert (random_bvlc.layer("mixed4b").receptive_field, extractor.side, extractor.method) == (235, 227, "frame")
    frames = natural_frames(2)
    units = random_bvlc.activations(frames, "mixed4b")[:, :, extractor.unit, extractor.unit]
    margins = (extractor.input.start, extractor.side - extractor.input.stop)
    assert torch.equal(extractor(F.pad(frames, margins * 2)), units)


def test_an_unknown_layer_is_refused(random_bvlc):
    with pytest.raises(UserError, match="no layer 'mixed9'"):
        unit_extractor(random_bvlc, "mixed9")
