"""What each kind of operation does to positions, and cones through it, against the plain network."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tasks.activations.extractors import unit_extractor
from tasks.errors import UserError
from tasks.vision import geometry
from tasks.vision.network import Layer, Network, Normalisation
from tasks.vision.networks import load_network


class Classified(nn.Module):
    """Any module of images, with its mean over positions as logits."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, images):
        return self.module(images).flatten(2).mean(2)


class Of(nn.Module):
    """A function of images after a first convolution with a stride of 2."""

    def __init__(self, function) -> None:
        super().__init__()
        self.first, self.function = nn.Conv2d(3, 8, 3, stride=2, padding=1), function
        self.weight = nn.Parameter(torch.rand(8, 4, 3, 1))
        self.gamma = nn.Parameter(torch.rand(8, 1, 1))
        self.places = nn.Parameter(torch.rand(1, 8, 16, 16))

    def forward(self, images):
        return self.function(self, self.first(images))


def network(module: nn.Module, side: int = 32, **options) -> Network:
    return Network(
        "tried", "0" * 64, Classified(module.eval()), None, Normalisation((0.0,) * 3, 255.0), side, **options
    )


def initialised(build):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return network(build())


def separable(x):
    batch, channels, rows, columns = x.shape
    return (
        x.view(batch, 2, channels // 2, rows, columns).transpose(1, 2).contiguous().view(batch, channels, rows, columns)
    )


LOCAL = {
    "batch norm": (lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.SiLU()), (3, 1, 0)),
    "oblong": (lambda: nn.Sequential(nn.Conv2d(3, 8, (1, 7), padding=(0, 3)), nn.Conv2d(8, 8, (3, 1))), (7, 1, -3)),
    "dilation": (lambda: nn.Conv2d(3, 8, 3, dilation=3, padding=3, stride=2), (7, 2, -3)),
    "groups": (lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 5, groups=4)), (7, 1, 0)),
    "same": (lambda: nn.Conv2d(3, 8, 4, padding="same"), (4, 1, -1)),
    "average pool": (lambda: nn.Sequential(nn.AvgPool2d(3, 2, 1), nn.Conv2d(3, 8, 3)), (7, 2, -1)),
    "ceil mode": (lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.AvgPool2d(2, 2, ceil_mode=True)), (4, 2, 0)),
    "pads of two sides": (lambda: nn.Sequential(nn.ZeroPad2d((1, 2, 0, 3)), nn.Conv2d(3, 8, 4, 2)), (5, 2, -1)),
    "gelu, hardswish, hardsigmoid": (
        lambda: nn.Sequential(nn.GELU(), nn.Hardswish(), nn.Conv2d(3, 8, 3), nn.Hardsigmoid()),
        (3, 1, 0),
    ),
    "functions": (
        lambda: Of(lambda m, x: F.silu(F.conv2d(F.pad(x, (0, 0, 1, 1)), m.weight, groups=2)) * 2),
        (7, 2, -3),
    ),
    "scale of channels": (lambda: Of(lambda m, x: m.gamma * x + F.max_pool2d(x, 3, 1, 1)), (7, 2, -3)),
    "channels last": (
        lambda: Of(lambda m, x: F.layer_norm(x.permute(0, 2, 3, 1), (8,)).transpose(1, 3).transpose(2, 3)),
        (3, 2, -1),
    ),
    "shuffled channels": (lambda: Of(lambda m, x: separable(x)), (3, 2, -1)),
    "halves": (
        lambda: Of(lambda m, x: torch.cat([F.avg_pool2d(x.chunk(2, 1)[0], 3, 1, 1), x.chunk(2, 1)[1]], 1)),
        (7, 2, -3),
    ),
    "mean of channels": (lambda: Of(lambda m, x: x * x.mean(1, keepdim=True).sigmoid()), (3, 2, -1)),
}  # fmt: skip


@pytest.mark.parametrize(("build", "geometry"), LOCAL.values(), ids=LOCAL)
def test_a_local_operation_has_a_cone(build, geometry):
    tried, name = initialised(build), "module"
    layer = tried.layer(name)
    assert (layer.receptive_field, layer.stride, layer.offset) == geometry
    assert tried.extraction(name) == "cone"
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    unit = -(layer.offset // layer.stride) + 1
    place = slice(layer.offset + layer.stride * unit, layer.offset + layer.stride * unit + layer.receptive_field)
    expected = tried.activations(images, name)[:, :, unit, unit]
    torch.testing.assert_close(unit_extractor(tried, name)(images[:, :, place, place]), expected, rtol=1e-5, atol=1e-5)


NOT_LOCAL = {
    "squeeze and excitation": lambda: Of(lambda m, x: x * x.mean((2, 3), keepdim=True).sigmoid()),
    "embedding of positions": lambda: Of(lambda m, x: x + m.places),
    "norm over positions": lambda: Of(lambda m, x: F.group_norm(x, 2)),
    "softmax over rows": lambda: Of(lambda m, x: x.softmax(2)),
    "batch norm of the batch": lambda: nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8, track_running_stats=False)
    ),
    "upsampling": lambda: Of(lambda m, x: F.interpolate(F.avg_pool2d(x, 2), scale_factor=2.0)),
    "roll": lambda: Of(lambda m, x: torch.roll(x, 1, 2)),
}  # fmt: skip


@pytest.mark.parametrize("build", NOT_LOCAL.values(), ids=NOT_LOCAL)
def test_what_mixes_distant_positions_is_run_on_whole_inputs(build):
    tried, name = initialised(build), "module"
    assert tried.extraction(name) == "frame"
    extractor, layer = unit_extractor(tried, name), tried.layer(name)
    assert (layer.stride, extractor.side, layer.receptive_field) == (2, 33, 33)
    # a unit's place is where it was before the positions were mixed: unit 8 sees the pixels 15 to 17 through `first`
    assert (extractor.unit, layer.offset + layer.stride * extractor.unit) == (8, 0)
    patches = torch.rand(2, 3, 33, 33, generator=torch.Generator().manual_seed(0))
    expected = tried.activations(patches[:, :, :32, :32], name)[:, :, 8, 8]
    assert torch.equal(extractor(patches), expected)


def test_padding_that_depends_on_the_size_is_known_for_the_networks_input():
    timm = pytest.importorskip("timm", reason="timm is not installed")
    for side, offset in ((32, 0), (33, -1)):
        leaves = {"leaves": (timm.layers.Conv2dSame,)}
        tried = network(timm.layers.Conv2dSame(3, 4, 3, 2), side, leaves=leaves)
        assert tried.layer("module").offset == offset
        assert not tried.covers("module", side + 1)
        assert tried.covers("module", side)


@pytest.mark.parametrize(
    ("build", "name", "message"),
    [
        (lambda: Of(lambda m, x: x.mean((2, 3), keepdim=True)), "module.mean", r"no positions: its shape is .*8, 1, 1"),
        (lambda: nn.Conv2d(3, 4, 3, stride=(2, 4)), "module", "the strides 2 and 4 along the two axes"),
        (lambda: nn.Conv2d(3, 4, 3, stride=32), "module", "only one row or column"),
        (lambda: Of(lambda m, x: x * m.gamma), "module.module_gamma", "doesn't depend on the image"),
        (
            lambda: Of(lambda m, x: x),
            "module.second",
            "no layer 'module.second'; did you mean module.first\\? `kaleidoscope layers tried` lists all 2",
        ),
    ],
)
def test_what_has_no_positions_is_refused_with_the_reason(build, name, message):
    with pytest.raises(UserError, match=message):
        initialised(build).layer(name)


def test_a_submodules_name_means_its_last_operation():
    tried = initialised(lambda: Of(lambda m, x: F.relu(x)))
    assert tried.layer("module") == Layer("module", 8, 3, 2, -1)
    assert tried.node("module") == tried.node("module.relu")


def test_the_square_about_a_unit_holds_the_input():
    tokens = Layer("tokens", 4, receptive_field=16, stride=16, offset=0)
    around = tokens.around(224)
    # tokens 6 and 7 are equally near the centre, at 103.5 and 119.5
    assert (around.receptive_field, around.offset, around.unit_near_centre(224)) == (240, -112, 6)
    assert around.around(224) == around
    assert tokens.within(224) == tokens
    assert Layer("deep", 4, 427, 32, -199).within(224).receptive_field == 227


@pytest.mark.parametrize(("parameters", "pixels"), [(0, 512), (10**8, 16)])
def test_shapes_are_the_same_whether_a_network_is_computed_or_not(monkeypatch, parameters, pixels):
    module = load_network("efficientnet_lite0").module
    computed = geometry.shapes(module, 96)
    monkeypatch.setattr(geometry, "COMPUTED_PARAMETERS", parameters)
    monkeypatch.setattr(geometry, "COMPUTED_PIXELS", pixels)
    without_content = geometry._without_content(module, torch.zeros(geometry.BATCH, 3, 96, 96))
    assert geometry.shapes(module, 96) == without_content == computed
    assert list(computed.values())[-1] == (geometry.BATCH, 1000)
