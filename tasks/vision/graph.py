"""A network as a graph: receptive fields, prefixes up to a layer, cuts at a layer, and cones of single units.

The mechanism is the same for every network: `torch.fx` records the operations, and each spatial operation is described
by a `Window` that slides over its input. Receptive fields and cones are computed from the windows.
"""

import copy
import operator
import threading
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import fx, nn


class Pointwise(nn.Module):
    """Base class of our modules that compute each position from that position alone, mixing only channels."""


@dataclass(frozen=True)
class Window:
    """Output position i depends on the input positions stride * i - before … stride * i - before + kernel - 1."""

    kernel: int = 1
    stride: int = 1
    before: int = 0


@dataclass(frozen=True)
class Geometry:
    """Unit i along one axis has the input pixels offset + stride * i … offset + stride * i + receptive_field - 1."""

    channels: int
    receptive_field: int
    stride: int
    offset: int


POINTWISE_MODULES = (Pointwise, nn.ReLU, nn.ReLU6, nn.Identity, nn.Dropout)
POINTWISE_FUNCTIONS = (F.relu, F.relu6, operator.add, torch.add, torch.cat)


_tracing = threading.Lock()


class LayerTracer(fx.Tracer):
    """Record a module's operations, and for each submodule the output nodes of its calls.

    While it records, `torch.fx` intercepts the module calls of all threads; those of other threads are executed as
    usual.
    """

    def __init__(self) -> None:
        super().__init__()
        self.outputs: dict[str, list[str]] = {}
        self.thread = threading.get_ident()

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, Pointwise) or super().is_leaf_module(m, module_qualified_name)

    def call_module(self, m, forward, args, kwargs):
        if threading.get_ident() != self.thread:
            return forward(*args, **kwargs)
        output = super().call_module(m, forward, args, kwargs)
        if isinstance(output, fx.Proxy):
            self.outputs.setdefault(self.path_of_module(m), []).append(output.node.name)
        return output


def trace(module: nn.Module) -> tuple[fx.GraphModule, dict[str, list[str]]]:
    """Return the module's graph, and {submodule: [output node of its first, second, … call]}."""
    with _tracing:
        tracer = LayerTracer()
        graph = tracer.trace(module)
    return fx.GraphModule(tracer.root, graph), tracer.outputs


def _side(value: int | tuple[int, int]) -> int | None:
    """Return the common value of both axes, or None if they differ."""
    if isinstance(value, int):
        return value
    return value[0] if value[0] == value[1] else None


def _window(graph_module: fx.GraphModule, node: fx.Node) -> Window | None:
    """Return the window of a node, or None if it depends on the whole image or is of an unknown kind."""
    if node.op == "call_function":
        return Window() if node.target in POINTWISE_FUNCTIONS else None
    if node.op != "call_module":
        return None
    module = graph_module.get_submodule(node.target)
    if isinstance(module, POINTWISE_MODULES):
        return Window()
    if isinstance(module, nn.ZeroPad2d):
        left, _, top, _ = module.padding
        return Window(before=left) if left == top else None
    if type(module) not in (nn.Conv2d, nn.MaxPool2d) or isinstance(module.padding, str):
        return None
    kernel, stride = _side(module.kernel_size), _side(module.stride)
    padding, dilation = _side(module.padding), _side(module.dilation)
    if None in (kernel, stride, padding, dilation):
        return None
    return Window(kernel=dilation * (kernel - 1) + 1, stride=stride, before=padding)


def _channels(graph_module: fx.GraphModule, node: fx.Node, inputs: list[Geometry]) -> int:
    if node.op == "call_module" and isinstance(convolution := graph_module.get_submodule(node.target), nn.Conv2d):
        return convolution.out_channels
    if node.target is torch.cat:
        return sum(geometry.channels for geometry in inputs)
    return inputs[0].channels


def geometries(graph_module: fx.GraphModule, image_channels: int = 3) -> dict[str, Geometry]:
    """Return channels, receptive field, stride and offset (in input pixels) of every node that has them, by node name.

    The receptive field of a node with several inputs (sum, concatenation) is the union of theirs. Nodes that depend on
    the whole image (global pooling, classifier) have no entry. Source: ours.
    """
    geometry_of: dict[str, Geometry] = {}
    for node in graph_module.graph.nodes:
        if node.op == "placeholder":
            geometry_of[node.name] = Geometry(image_channels, receptive_field=1, stride=1, offset=0)
            continue
        window = _window(graph_module, node)
        inputs = [geometry_of.get(parent.name) for parent in node.all_input_nodes]
        if window is None or None in inputs or len({geometry.stride for geometry in inputs}) != 1:
            continue
        step = inputs[0].stride
        first = min(geometry.offset for geometry in inputs)
        end = max(geometry.offset + geometry.receptive_field for geometry in inputs)
        geometry_of[node.name] = Geometry(
            channels=_channels(graph_module, node, inputs),
            receptive_field=end - first + (window.kernel - 1) * step,
            stride=step * window.stride,
            offset=first - window.before * step,
        )
    return geometry_of


def _part(graph_module: fx.GraphModule, given: list[fx.Node], wanted: fx.Node | tuple[fx.Node, ...]) -> fx.GraphModule:
    """Return the part of the graph that computes the `wanted` nodes from the `given` ones; parameters are shared."""
    needed, waiting = set(given), [wanted] if isinstance(wanted, fx.Node) else list(wanted)
    while waiting:
        node = waiting.pop()
        if node not in needed:
            needed.add(node)
            waiting += node.all_input_nodes
    graph = fx.Graph()
    copies = {node: graph.placeholder(node.name) for node in given}
    for node in graph_module.graph.nodes:
        if node in needed and node not in copies:
            copies[node] = graph.node_copy(node, copies.__getitem__)
    graph.output(fx.node.map_arg(wanted, copies.__getitem__))
    return fx.GraphModule(graph_module, graph)


def prefix(graph_module: fx.GraphModule, node_name: str) -> fx.GraphModule:
    """Return the part of the network up to one node: [b, 3, H, W] -> [b, channels, h, w]; parameters are shared."""
    target = next(node for node in graph_module.graph.nodes if node.name == node_name)
    return _part(graph_module, graph_module.graph.find_nodes(op="placeholder"), target)


def cut(graph_module: fx.GraphModule, node_name: str) -> tuple[fx.GraphModule, fx.GraphModule]:
    """Cut the network at a node into two modules, so that the node's output can be replaced between them.

    The first maps images to the node's output [b, channels, h, w] and all other values that the second needs, such as
    branches that bypass the node. The second maps these values, in the same order, to the network's output.
    """
    nodes = list(graph_module.graph.nodes)
    target = next(node for node in nodes if node.name == node_name)
    later = {target}
    for node in nodes:
        if not later.isdisjoint(node.all_input_nodes):
            later.add(node)
    inputs = {parent for node in later - {target} for parent in node.all_input_nodes}
    values = [target, *(node for node in nodes if node in inputs - later)]
    output = nodes[-1].all_input_nodes[0]
    before = _part(graph_module, graph_module.graph.find_nodes(op="placeholder"), tuple(values))
    return before, _part(graph_module, values, output)


def _bare(module: nn.Module) -> nn.Module:
    """Return the operation without its padding, for an input of exactly the extent it needs; parameters are shared."""
    if not hasattr(module, "kernel_size"):
        return module
    bare = copy.copy(module)
    bare.padding = (0, 0) if isinstance(module, nn.Conv2d) else 0
    return bare


def cone(graph_module: fx.GraphModule, node_name: str) -> fx.GraphModule | None:
    """Return the module that computes one unit of a node from its receptive field, with the least arithmetic.

    It maps [b, 3, RF, RF] to [b, channels, 1, 1]. Backwards from the unit, the function determines the extent of each
    operation's output that the unit needs. Forwards, each operation is computed on that extent, without padding. The
    result is that of a unit whose receptive field lies inside the image. Returns None if an operation on the way has no
    window or pads with anything but zeros. Source: ours.
    """
    nodes = list(graph_module.graph.nodes)
    target = next(node for node in nodes if node.name == node_name)
    needed = {target: (0, 0)}
    windows: dict[fx.Node, Window] = {}
    for node in reversed(nodes[: nodes.index(target) + 1]):
        if node not in needed or node.op == "placeholder":
            continue
        window = _window(graph_module, node)
        module = graph_module.get_submodule(node.target) if node.op == "call_module" else None
        if window is None or getattr(module, "padding_mode", "zeros") != "zeros":
            return None
        windows[node] = window
        first, last = _reads(window, needed[node])
        for parent in node.all_input_nodes:
            known = needed.get(parent, (first, last))
            needed[parent] = (min(first, known[0]), max(last, known[1]))

    graph, computed, modules = fx.Graph(), {}, {}

    def take(parent: fx.Node, first: int, last: int) -> fx.Node:
        held_first, held_last = needed[parent]
        if (first, last) == (held_first, held_last):
            return computed[parent]
        extent = slice(first - held_first, last - held_first + 1)
        return graph.call_function(operator.getitem, (computed[parent], (slice(None), slice(None), extent, extent)))

    for node in nodes:
        if node.op == "placeholder" and node in needed:
            computed[node] = graph.placeholder(node.name)
        elif node in windows:
            extent = _reads(windows[node], needed[node])
            module = graph_module.get_submodule(node.target) if node.op == "call_module" else None
            if isinstance(module, nn.ZeroPad2d):
                computed[node] = take(node.all_input_nodes[0], *extent)
                continue
            computed[node] = graph.node_copy(node, lambda parent, extent=extent: take(parent, *extent))
            if module is not None:
                modules[node.target] = _bare(module)
    graph.output(computed[target])
    return fx.GraphModule(modules, graph).eval()


def _reads(window: Window, extent: tuple[int, int]) -> tuple[int, int]:
    """Return the first and last input position that the outputs first … last depend on."""
    first, last = extent
    return window.stride * first - window.before, window.stride * last - window.before + window.kernel - 1
