"""Networks of torchvision and timm by name, and what must hold for each: geometry is that of gradients, and extracted
units are those that hooks see in the module as its library wrote it.
"""

import copy
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from tasks.activations.extractors import unit_extractor
from tasks.settings import Settings
from tasks.vision.graph import prefix
from tasks.vision.network import Layer, Network
from tasks.vision.operations import ELEMENTWISE, WINDOWS, arguments, name_of
from tasks.vision.other_networks import build, parsed, recorded

TOLERANCE = 1e-4
"""Of the largest activation."""
SHOWN = 3
"""Layers that are looked at for each way of extraction: the first, one in the middle, the last."""


def shaken(module: nn.Module) -> nn.Module:
    """The module with biases, scales and running statistics away from their constant initial values."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim <= 1 or (parameter == parameter.flatten()[0]).all():
                parameter.add_(0.1 * torch.rand(parameter.shape, generator=generator))
        for child in module.modules():
            if isinstance(child, nn.BatchNorm2d):
                child.running_mean.normal_(0, 0.1, generator=generator)
                child.running_var.uniform_(0.5, 1.5, generator=generator)
    return module.eval()


def check(name: str) -> Network:
    """Assert what must hold for a network; return it."""
    specifier = parsed(name)
    built = build(specifier, Settings())
    network = recorded(specifier, built, Settings())
    shaken(built.module)
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(2, 3, network.input_size, network.input_size, generator=generator)
    layers = [network.layer(layer) for layer in chosen(network, built.module)]
    with torch.no_grad():
        seen, logits = hooked(built.module, network.preprocess(images), [layer.name for layer in layers])
        assert_close(network.logits(images), logits)
        for layer in layers:
            acts_bcyx = network.activations(images, layer.name)
            assert_close(acts_bcyx, as_maps(seen[layer.name], acts_bcyx.shape))
            assert acts_bcyx.shape[1] == layer.channels
            assert_units_equal(network, layer, images, as_maps(seen[layer.name], acts_bcyx.shape))
    for layer in layers:
        if network.extraction(layer.name) == "cone":
            assert_geometry_is_that_of_gradients(network, layer)
    return network


def chosen(network: Network, module: nn.Module) -> Iterator[str]:
    """Some layers of each way of extraction, among those that are outputs of a submodule."""
    modules = {name for name, _ in module.named_modules()}
    for extraction in ("cone", "frame"):
        layers = [layer for layer in network.layers() if layer in modules and network.extraction(layer) == extraction]
        yield from dict.fromkeys(layers[(len(layers) - 1) * place // (SHOWN - 1)] for place in range(SHOWN) if layers)


def hooked(module: nn.Module, inputs: Tensor, layers: list[str]) -> tuple[dict[str, Tensor], Tensor]:
    """Outputs of submodules and the module's, from its own forward."""
    seen: dict[str, Tensor] = {}
    hooks = [
        # cloned, because the next operation may work in place; a module's layer is its first call
        module.get_submodule(layer).register_forward_hook(
            lambda _, args, output, layer=layer: seen.setdefault(layer, output.clone()) is None or None
        )
        for layer in layers
    ]
    logits = module(inputs)
    for hook in hooks:
        hook.remove()
    return seen, logits


def as_maps(output: Tensor, shape: torch.Size) -> Tensor:
    """A submodule's output as [b, channels, h, w]."""
    if output.shape == shape:
        return output
    if output.ndim == 4:
        return output.permute(0, 3, 1, 2)
    tokens = shape[2] * shape[3]
    if output.shape[1:] == (shape[1], tokens):
        return output.reshape(shape)
    return output[:, -tokens:].transpose(1, 2).reshape(shape)


def assert_close(found: Tensor, expected: Tensor) -> None:
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= TOLERANCE * expected.abs().max()


def assert_units_equal(network: Network, layer: Layer, images: Tensor, whole_bcyx: Tensor) -> None:
    """Assert that the extractor's unit is that of the whole image, to `TOLERANCE` of the layer's largest."""
    extractor = unit_extractor(network, layer.name)
    if extractor.method == "frame":
        margins = extractor.input.start, extractor.side - extractor.input.stop
        patches, y, x = F.pad(images, margins * 2), extractor.unit, extractor.unit
    else:
        inside = units_inside(layer, whole_bcyx.shape[-1], images.shape[-1])
        if not inside:  # of a network whose input is small here
            return
        y, x = inside[len(inside) // 2], inside[0]
        top, left = (layer.offset + layer.stride * unit for unit in (y, x))
        patches = images[..., top : top + extractor.side, left : left + extractor.side]
    error = (extractor(patches) - whole_bcyx[..., y, x]).abs().max()
    assert error <= TOLERANCE * whole_bcyx.abs().max(), f"{layer.name}, {extractor.method}"


def units_inside(layer: Layer, units: int, side: int) -> list[int]:
    """The units, along one axis, whose receptive fields lie inside the image."""
    return [unit for unit in range(units) if 0 <= layer.offset + layer.stride * unit <= side - layer.receptive_field]


def assert_geometry_is_that_of_gradients(network: Network, layer: Layer) -> None:
    """Assert that the gradient of a unit fills its receptive field, and nothing more, in a network open everywhere."""
    unit = -(layer.offset // layer.stride)
    side = layer.offset + layer.stride * unit + layer.receptive_field + layer.stride
    if not network.any_size(layer.name):
        side, unit = network.input_size, layer.within(network.input_size).unit_near_centre(network.input_size)
        if layer.offset + layer.stride * unit < 0 or layer.offset + layer.stride * unit + layer.receptive_field > side:
            return
    image = torch.full((1, 3, side, side), 0.5, requires_grad=True)
    Open(prefix(network.module, network.node(layer.name))).run(image)[0, :, unit, unit].sum().backward()
    gradient_yx = image.grad[0].abs().sum(0)
    places = torch.cat([gradient_yx.sum(1).nonzero()[:, 0], gradient_yx.sum(0).nonzero()[:, 0]])
    first = layer.offset + layer.stride * unit
    assert (places.min(), places.max()) == (first, first + layer.receptive_field - 1), layer.name


class Open(fx.Interpreter):
    """Run a network with positive weights, means in place of maxima, and without activations and normalisations.

    A gradient then reaches every pixel that a unit depends on.
    """

    def call_module(self, target, args, kwargs):
        module = self.fetch_attr(target)
        if isinstance(module, nn.Conv2d):
            if type(module).__name__.endswith("Same"):
                from timm.layers import pad_same

                x = pad_same(args[0], module.kernel_size, module.stride, module.dilation)
                weight = torch.full_like(module.weight, 1 / module.weight[0].numel())
                return F.conv2d(x, weight, None, module.stride, 0, module.dilation, module.groups)
            positive = copy.copy(module)
            positive._parameters = {
                "weight": torch.full_like(module.weight, 1 / module.weight[0].numel()),
                "bias": None,
            }
            return positive(*args)
        if isinstance(module, nn.MaxPool2d):
            average = nn.AvgPool2d(module.kernel_size, module.stride, module.padding, module.ceil_mode)
            if type(module).__name__.endswith("Same"):
                from timm.layers import AvgPool2dSame

                average = AvgPool2dSame(module.kernel_size, module.stride)
            return average(*args)
        if isinstance(module, nn.AvgPool2d | nn.Upsample | nn.ZeroPad2d | nn.Flatten):
            return module(*args)
        if isinstance(module, nn.Linear):
            return F.linear(args[0], torch.full_like(module.weight, 1 / module.in_features))
        return args[0]

    def run_node(self, n):
        name = name_of(n)
        if n.op in ("call_function", "call_method"):
            args, kwargs = self.fetch_args_kwargs_from_env(n)
            if name in (ELEMENTWISE - {"contiguous"}) | {"layer_norm", "batch_norm", "normalize"}:
                images = [value for value in args if isinstance(value, Tensor) and value.requires_grad]
                return sum(images[1:], start=images[0]) if images else super().run_node(n)
            if name == "conv2d":
                given = dict(zip(WINDOWS[name], args, strict=False)) | kwargs
                given["weight"] = torch.full_like(given["weight"], 1 / given["weight"][0].numel())
                return F.conv2d(**given | {"bias": None})
            if name == "max_pool2d":
                given = arguments(n, WINDOWS[name]) | {"input": args[0]}
                kept = ("input", "kernel_size", "stride", "padding", "ceil_mode")
                return F.avg_pool2d(**{key: given[key] for key in kept if key in given})
        return super().run_node(n)
