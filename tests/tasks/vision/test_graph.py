"""Receptive field, stride, offset and channels, computed from the structure, against gradients."""

import copy

import pytest
import torch
from torch import nn

from tasks.vision import efficientnet, inception_v1, torchvision_googlenet
from tasks.vision.geometry import geometries
from tasks.vision.graph import cut, prefix, trace

NARROW = {name: inception_v1.MixedWidths(1, 1, 1, 1, 1, 1) for name in inception_v1.MIXED_LAYERS}
"""Widths don't matter to what a unit sees."""


def narrow_inception():
    norms = tuple(inception_v1.LocalResponseNorm(5, 1e-4, 0.75, 1.0) for _ in range(2))
    return inception_v1.InceptionV1(NARROW, norms, classes=2), inception_v1.layer_modules()


def lucid():
    norms = tuple(inception_v1.LocalResponseNorm(9, 1e-4, 0.5, 1.0) for _ in range(2))
    return inception_v1.lucid(norms), inception_v1.layer_modules()


def lite0_module():
    return efficientnet.efficientnet_lite(torch.load(efficientnet.weights_path(), weights_only=True))


def lite0():
    return lite0_module(), efficientnet.layer_modules()


def googlenet():
    from torchvision.models import GoogLeNet

    state = GoogLeNet(aux_logits=False, init_weights=False).state_dict()
    return torchvision_googlenet.googlenet(state), torchvision_googlenet.layer_modules()


def open_everywhere(module: nn.Module) -> nn.Module:
    """The same network with weights that let a gradient through everywhere.

    Weights are positive and small, so that no ReLU is shut and no ReLU6 is full, and maximum pools average.
    """
    module = copy.deepcopy(module).double()
    for child in module.modules():
        if isinstance(child, nn.Conv2d):
            child.weight.data.fill_(1 / child.weight[0].numel())
            if child.bias is not None:
                child.bias.data.zero_()
    for name, child in list(module.named_modules()):
        if isinstance(child, nn.MaxPool2d):
            parent, _, last = name.rpartition(".")
            average = nn.AvgPool2d(child.kernel_size, child.stride, child.padding, child.ceil_mode)
            setattr(module.get_submodule(parent), last, average)
    return module


CASES = {
    (narrow_inception, 200): ["conv2d1", "mixed3a", "mixed3b", "mixed3b_1x1", "mixed3b_3x3", "mixed3b_pool", "mixed4a"],
    (narrow_inception, 776): ["mixed5b"],
    (lucid, 112): ["conv2d0", "mixed3b_5x5"],
    (googlenet, 160): ["conv2d2", "mixed3b_5x5", "mixed4a_3x3"],
    (lite0, 176): ["stem", "block1_expand", "block3_depthwise", "block5", "block7"],
}


@pytest.mark.parametrize(("build", "side"), CASES, ids=lambda value: getattr(value, "__name__", value))
def test_computed_geometry_is_what_gradients_see(build, side):
    module, layer_modules = build()
    module.eval().requires_grad_(False)
    found = geometries(trace(module)[0])
    graph_module, outputs, _ = trace(open_everywhere(module))
    for layer in CASES[build, side]:
        path, call = layer_modules[layer]
        geometry = found[outputs[path][call]]
        image = torch.full((1, 3, side, side), 1e-3, dtype=torch.float64, requires_grad=True)
        activations = prefix(graph_module, outputs[path][call])(image)
        assert activations.shape[1] == geometry.channels
        # a unit that no padding reaches, and in columns the next one
        unit = -(geometry.offset // geometry.stride)
        activations[0, :, unit, unit + 1].sum().backward()
        gradient_yx = image.grad[0, 0].abs()
        top = geometry.offset + geometry.stride * unit
        left = top + geometry.stride
        assert left + geometry.receptive_field <= side, "the unit touches the border: choose a larger image"
        rows, columns = gradient_yx.sum(1).nonzero()[:, 0], gradient_yx.sum(0).nonzero()[:, 0]
        assert (rows[0], rows[-1]) == (top, top + geometry.receptive_field - 1)
        assert (columns[0], columns[-1]) == (left, left + geometry.receptive_field - 1)


def test_inception_geometry_is_the_known_one(random_bvlc):
    known = {
        "conv2d0": (64, 7, 2, -3),
        "conv2d1": (64, 11, 4, -3),
        "conv2d2": (192, 19, 4, -7),
        "mixed3a": (256, 59, 8, -23),
        "mixed3b": (480, 91, 8, -39),
    }
    for name, geometry in known.items():
        layer = random_bvlc.layer(name)
        assert (layer.channels, layer.receptive_field, layer.stride, layer.offset) == geometry


def test_a_node_that_sees_the_whole_image_has_no_geometry():
    graph_module, _, _ = trace(
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    )
    names = [node.name for node in graph_module.graph.nodes]
    assert set(geometries(graph_module)) == set(names[:2])


def test_a_prefix_holds_only_what_leads_to_the_node(random_bvlc):
    part = prefix(random_bvlc.module, random_bvlc.node("mixed3b_1x1"))
    names = {name for name, _ in part.named_modules()}
    assert "mixed3b.branch_1x1.0" in names
    assert not any(name.startswith(("mixed3b.branch_5x5", "mixed4a")) for name in names)


@pytest.fixture
def frames():
    return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("layer", ["conv2d0", "conv2d1", "mixed3a", "mixed3b_5x5", "mixed4c_pool"])
def test_the_two_parts_of_inception_answer_as_the_whole(random_bvlc, frames, layer):
    answers_as_the_whole(random_bvlc, frames, layer)


@pytest.mark.parametrize("layer", ["stem", "block0", "block2_expand", "block2_depthwise", "block2", "block3", "head"])
def test_the_two_parts_of_efficientnet_answer_as_the_whole(lite0, frames, layer):
    answers_as_the_whole(lite0, frames, layer)


def answers_as_the_whole(network, frames, layer):
    before, after = cut(network.module, network.node(layer))
    values = before(network.preprocess(frames))
    kept = copy.deepcopy(values)
    assert torch.equal(values[0], network.activations(frames, layer))
    for _ in range(2):
        assert torch.equal(after(*values), network.logits(frames))
    # the second part leaves alone what it is given, so that it may be given it again
    torch.testing.assert_close(values, kept, rtol=0, atol=0)


def test_a_branch_is_cut_beside_its_neighbours(random_bvlc, frames):
    before, after = cut(random_bvlc.module, random_bvlc.node("mixed3b_5x5"))
    values = before(random_bvlc.preprocess(frames))
    assert sorted(value.shape[1] for value in values) == [64, 96, 128, 192]
    assert not any(name.startswith(("mixed3a", "mixed3b")) for name, _ in after.named_modules())
    assert not any(name.startswith("mixed4a") for name, _ in before.named_modules())
    assert len(cut(random_bvlc.module, random_bvlc.node("mixed3b"))[0](random_bvlc.preprocess(frames))) == 1


HOOKED = {"mixed3a": "mixed3a", "mixed3b_5x5": "mixed3b.branch_5x5"}
REPLACEMENTS = {"zeros": torch.zeros_like, "others": lambda acts: 2 * acts.flip(1)}


@pytest.mark.parametrize("layer", HOOKED)
@pytest.mark.parametrize("replace", REPLACEMENTS.values(), ids=REPLACEMENTS)
def test_what_follows_a_replaced_layer_of_inception_is_what_follows_a_hook(random_bvlc, frames, layer, replace):
    plain = inception_v1.bvlc().eval()
    plain.load_state_dict(random_bvlc.module.state_dict())
    equals_a_hook(random_bvlc, plain.to(memory_format=torch.channels_last), frames, layer, HOOKED[layer], replace)


@pytest.mark.parametrize("layer", ["block2", "block3"])
@pytest.mark.parametrize("replace", REPLACEMENTS.values(), ids=REPLACEMENTS)
def test_what_follows_a_replaced_layer_of_efficientnet_is_what_follows_a_hook(lite0, frames, layer, replace):
    plain = lite0_module().to(memory_format=torch.channels_last)
    equals_a_hook(lite0, plain, frames, layer, layer.replace("block", "_blocks."), replace)


def equals_a_hook(network, plain, frames, layer, module, replace):
    plain.get_submodule(module).register_forward_hook(lambda module, args, output: replace(output))
    inputs = network.preprocess(frames)
    before, after = cut(network.module, network.node(layer))
    with torch.no_grad():
        acts, *others = before(inputs)
        assert torch.equal(after(replace(acts), *others), plain(inputs))
        assert not torch.equal(after(replace(acts), *others), network.logits(frames))
