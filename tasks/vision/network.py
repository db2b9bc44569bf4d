"""An image classifier with access to its layers: receptive fields, activations, single units and logits."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Literal

import torch
from torch import fx, nn

from tasks.errors import UserError
from tasks.vision.geometry import LAYOUTS, Analysis, Constant, Map, shapes
from tasks.vision.graph import add_maps, cone, prefix, trace
from tasks.vision.operations import called_module, name_of

INPUT_SIZE = 224
"""Side in pixels of the input of the networks with pinned weights."""


@dataclass(frozen=True)
class Layer:
    """Unit i along an axis sees the input pixels offset + stride * i … offset + stride * i + receptive_field - 1.

    receptive_field, stride, offset: in input pixels. For a layer whose units depend on the whole input, these pixels
    are the square about the unit that holds the input, for the unit nearest the input's centre.
    """

    name: str
    channels: int
    receptive_field: int
    stride: int
    offset: int

    def within(self, input_size: int) -> "Layer":
        """Return the layer as its units are extracted: one that sees more than the input sees the whole input."""
        return self if self.receptive_field <= input_size else self.around(input_size)

    def around(self, input_size: int) -> "Layer":
        """Return the layer with, as receptive field, the square about a unit that holds the whole input.

        The unit is the one nearest the input's centre, so that the square is as small as possible.
        """
        twice_first, twice_last = 2 * self.offset + self.receptive_field - 1, 2 * (input_size - 1)
        nearest = round((input_size - 1 - twice_first) / (2 * self.stride))
        twice_centre = twice_first + 2 * self.stride * nearest
        side = max(twice_centre, twice_last - twice_centre) + 1
        return replace(self, receptive_field=side, offset=(twice_first - side + 1) // 2)

    def unit_near_centre(self, input_size: int) -> int:
        """Return the unit, along one axis, that is nearest the centre of the input."""
        return round((input_size - self.receptive_field - 2 * self.offset) / (2 * self.stride))


@dataclass(frozen=True)
class Normalisation:
    """The conversion of RGB in [0, 1] to a network's input: (255 * image - mean) / scale, RGB or BGR.

    mean, scale: in the order of the network's input channels; scale may be one number for all.
    """

    mean: tuple[float, float, float]
    scale: float | tuple[float, float, float] = 1.0
    bgr: bool = False

    def __call__(self, images_bchw: torch.Tensor) -> torch.Tensor:
        images_bchw = images_bchw.flip(1) if self.bgr else images_bchw
        mean, scale = (
            torch.tensor(value, device=images_bchw.device).view(-1, 1, 1) for value in (self.mean, self.scale)
        )
        return ((images_bchw * 255 - mean) / scale).contiguous(memory_format=torch.channels_last)


AVERAGES = {"adaptiveavgpool2d", "avgpool2d", "mean", "flatten", "view", "reshape", "squeeze", "dropout", "identity"}
"""What may stand between a layer and the classifier if the logits are linear in the layer's mean over positions."""


IMAGENET = "imagenet"
"""For `Network.labels`: ImageNet's 1000 classes in the order of their WordNet ids."""


class Network:
    """An image classifier with access to its layers. Parameters need no gradient; images may.

    weights_sha256: SHA-256 of the weight file; for other than the built-in networks, the content key of weights,
    architecture and preprocessing
    input_size: side of the square input in pixels
    labels: names of the classes, IMAGENET, or None if they are not known
    module: the classifier as a recorded graph, in evaluation mode
    preprocess: maps RGB float32 in [0, 1], [b, 3, h, w], to the module's input
    """

    def __init__(
        self,
        name: str,
        weights_sha256: str,
        module: nn.Module,
        layer_modules: dict[str, tuple[str, int]] | None,
        preprocess: Normalisation,
        input_size: int = INPUT_SIZE,
        labels: tuple[str, ...] | str | None = None,
        leaves: dict[str, tuple] | None = None,
    ) -> None:
        """Record the module.

        layer_modules: {layer: (submodule, index of its call) whose output it is}; None: the layers are the graph's
        nodes, with torchvision's names
        leaves: modules and functions that are one operation each, as `LayerTracer`
        Raises UserError if the module can't be recorded, doesn't run on its input, or doesn't return class logits.
        """
        self.name, self.weights_sha256, self.preprocess = name, weights_sha256, preprocess
        self.input_size, self.labels, self._by_nodes = input_size, labels, layer_modules is None
        module = module.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        with _named(name):
            self.module, outputs, self._names = trace(module, **leaves or {})
        self._prefixes: dict[str, fx.GraphModule] = {}
        self._runs: dict[int, bool] = {input_size: True}
        self._views: dict[str, str] = {}
        if layer_modules is not None:
            self._nodes = {layer: outputs[path][call] for layer, (path, call) in layer_modules.items()}
            return
        maps = self._maps()
        self._nodes = {self._names[node]: node for node in maps}
        self._views = add_maps(self.module, maps)
        _ = self.classes  # raises UserError if there are none

    @cached_property
    def _analysis(self) -> Analysis:
        with _named(self.name):
            return Analysis(self.module, shapes(self.module, self.input_size))

    @cached_property
    def classes(self) -> int:
        """Number of the network's outputs."""
        [output] = self.module.graph.find_nodes(op="output")
        shape = self._analysis.shapes.get(getattr(output.args[0], "name", ""), ())
        if len(shape) != 2:
            given = f"a value of shape {['images', *shape[1:]]}" if shape else "several values"
            raise UserError(f"network {self.name} returns {given}, not logits [images, classes]: return only these")
        return shape[1]

    def _maps(self) -> dict[str, Map]:
        """Return the nodes that can be layers, in network order."""
        image = self.module.graph.find_nodes(op="placeholder")[0].name
        maps = {node: value for node, value in self._analysis.values.items() if isinstance(value, Map)}
        return {node: value for node, value in maps.items() if node != image and self._refusal(node) is None}

    def layers(self) -> tuple[str, ...]:
        """Return the names of the layers, in network order; of a built-in network, those that have names of their own.

        Of a built-in network, `nodes` are layers too.
        """
        return tuple(self._nodes)

    def nodes(self) -> dict[str, str]:
        """Return {layer: node} of every node that can be a layer, in network order; most have the node's name."""
        named = {node: layer for layer, node in self._nodes.items()}
        return {named.get(node, self._names[node]): self._names[node] for node in self._maps()}

    def layer(self, name: str) -> Layer:
        """Return a layer by its name. Raises UserError if it is unknown or has no positions.

        The name of a submodule of the graph means the last node in it.
        """
        return self._layer(name, self._analysis.map_of(self._node(name)))

    def _layer(self, name: str, value: Map) -> Layer:
        square = value.square
        layer = Layer(name, value.channels, square.receptive_field, square.stride, square.offset)
        return layer if value.local else layer.around(self.input_size)

    def _node(self, name: str) -> str:
        """Return the node of a layer, before it is viewed as a map."""
        if name in self._nodes:
            return self._nodes[name]
        within = [node for node, full in self._names.items() if full == name or full.startswith(f"{name}.")]
        if not within or within[-1] == "output":
            raise UserError(f"network {self.name} has no layer {name!r}; {self._candidates(name)}")
        if reason := self._refusal(within[-1]):
            raise UserError(f"layer {name} of {self.name} can't be analysed: {self._names[within[-1]]} {reason}")
        return within[-1]

    def _candidates(self, name: str) -> str:
        layers = self.layers()
        if not self._by_nodes:
            return f"choose one of: {', '.join(layers)}, or a node that `kaleidoscope layers {self.name}` lists"
        close = get_close_matches(name, layers, n=5)
        hint = f"did you mean {', '.join(close)}? " if close else ""
        return f"{hint}`kaleidoscope layers {self.name}` lists all {len(layers)}"

    def _refusal(self, node: str) -> str | None:
        """Return why a node can't be a layer, or None."""
        value, shape = self._analysis.values[node], self._analysis.shapes.get(node)
        if isinstance(value, Map):
            if value.layout not in LAYOUTS:
                return "has its channels split into groups"
            if value.y.stride != value.x.stride:
                return f"has the strides {value.y.stride} and {value.x.stride} along the two axes"
            if min(value.rows, value.columns) < 2:
                return "has only one row or column of positions"
            if value.local and value.receptive_field <= self.input_size:
                return None
            unit = self._layer(node, value).within(self.input_size).unit_near_centre(self.input_size)
            return None if 0 <= unit < value.rows else "has no unit near the centre of the input"
        if isinstance(value, Constant):
            return "doesn't depend on the image"
        return f"has no positions: its shape is {['images', *shape[1:]]}" if shape else "is not a tensor"

    def refused(self) -> dict[str, str]:
        """Return {name: reason} for the nodes that can't be layers."""
        reasons = {self._names[node]: self._refusal(node) for node in self._analysis.values if node in self._names}
        return {name: reason for name, reason in reasons.items() if reason}

    def extraction(self, layer: str) -> Literal["cone", "patch", "frame"]:
        """Return how single units of a layer are computed; see `tasks.activations.extractors`."""
        value = self._analysis.map_of(self._node(layer))
        if not value.local or value.receptive_field > self.input_size:
            return "frame"
        return "cone" if value.exact else "patch"

    def any_size(self, layer: str) -> bool:
        """Return whether the network, run up to a layer on images of any size, computes the same units."""
        value = self._analysis.map_of(self._node(layer))
        return value.local and not value.sized

    def covers(self, layer: str, frame_size: int) -> bool:
        """Return whether a run on frames of this size gives the units that the layer's extraction gives.

        It doesn't where units depend on the whole input, or where padding depends on its size.
        """
        return self.extraction(layer) != "frame" and (frame_size == self.input_size or self.any_size(layer))

    def runs_on(self, size: int) -> bool:
        """Return whether the whole network runs on images of this size."""
        if size not in self._runs:
            try:
                self._runs[size] = bool(shapes(self.module, size))
            except UserError:
                self._runs[size] = False
        return self._runs[size]

    def node(self, layer: str) -> str:
        """Return the node of `module`'s graph whose output [b, channels, h, w] is the layer. UserError as `layer`."""
        node = self._node(layer)
        return self._views.get(node, node)

    def cone(self, layer: str) -> fx.GraphModule | None:
        """Return the module that computes one unit from its receptive field, or None; see `tasks.vision.graph.cone`."""
        return cone(self._analysis, self.node(layer)) if self.extraction(layer) == "cone" else None

    def readout(self) -> tuple[str, torch.Tensor] | None:
        """Return the layer whose mean over positions the logits are linear in, and the weights [classes, channels].

        None if the logits are no linear function of such a mean.
        """
        [output] = self.module.graph.find_nodes(op="output")
        classifier = output.args[0]
        linear = called_module(self.module, classifier)
        if not isinstance(linear, nn.Linear):
            return None
        node = classifier.args[0]
        while not isinstance(value := self._analysis.values[node.name], Map) or value.rows * value.columns == 1:
            module = called_module(self.module, node)
            kind = name_of(node) if module is None else type(module).__name__
            if not (node.all_input_nodes and kind.lower() in AVERAGES):
                return None
            node = node.all_input_nodes[0]
        name = next((layer for layer, of_layer in self._nodes.items() if of_layer == node.name), None)
        return (name, linear.weight) if name and value.channels == linear.in_features else None

    def activations(self, images_bchw: torch.Tensor, layer: str) -> torch.Tensor:
        """Compute a layer's activations [b, channels, h', w'] of images [b, 3, h, w], RGB in [0, 1].

        The network runs only up to the layer.
        """
        if layer not in self._prefixes:
            self._prefixes[layer] = prefix(self.module, self.node(layer))
        return self._prefixes[layer](self.preprocess(images_bchw))

    def logits(self, images_bchw: torch.Tensor) -> torch.Tensor:
        """Compute logits [b, classes] of images [b, 3, input_size, input_size], RGB in [0, 1]."""
        return self.module(self.preprocess(images_bchw))


@contextmanager
def _named(network: str) -> Iterator[None]:
    """Put the network's name before a UserError's message."""
    try:
        yield
    except UserError as error:
        raise UserError(f"network {network} {error}") from error.__cause__
