"""A network as a graph: what a unit sees, the part of the network that leads to it, and the least arithmetic it needs.

One mechanism for every network: `torch.fx` records the operations, and each spatial operation is a `Window` that slides
over its input. Receptive fields, prefixes and cones all follow from the windows.
"""

import copy
import operator
import threading
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import fx, nn


class Pointwise(nn.Module):
    """Base of our own modules that act at each position on its own, mixing channels only."""


@dataclass(frozen=True)
class Window:
    """Output position i reads the input positions stride * i - before ... stride * i - before + kernel - 1."""

    kernel: int = 1
    stride: int = 1
    before: int = 0


@dataclass(frozen=True)
class Geometry:
    """Unit i along one axis sees input pixels offset + stride * i ... offset + stride * i + receptive_field - 1."""

    channels: int
    receptive_field: int
    stride: int
    offset: int


POINTWISE_MODULES = (Pointwise, nn.ReLU, nn.ReLU6, nn.Identity, nn.Dropout)
POINTWISE_FUNCTIONS = (F.relu, F.relu6, operator.add, torch.add, torch.cat)


_tracing = threading.Lock()


class LayerTracer(fx.Tracer):
    """Records the operations of a module, and for each submodule the nodes that its calls ended in.

    While it records, `torch.fx` takes every module call of the process: those of other threads are let through.
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
    """The module's graph, and the node that each submodule's first, second, ... call ended in."""
    with _tracing:
        tracer = LayerTracer()
        graph = tracer.trace(module)
    return fx.GraphModule(tracer.root, graph), tracer.outputs


def _side(value: int | tuple[int, int]) -> int | None:
    """The one number of a square setting; None for an oblong one."""
    if isinstance(value, int):
        return value
    return value[0] if value[0] == value[1] else None


def _window(graph_module: fx.GraphModule, node: fx.Node) -> Window | None:
    """The node as a window; None where it has none: it looks at the whole image, or is not known here."""
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
    """Channels, receptive field, stride and offset (input pixels) of every node that has them, by node name.

    A node with several inputs (sum, concatenation) sees the union of what they see.
    Nodes that look at the whole image (global pooling, classifier) have no entry. Source: ours.
    """
    found: dict[str, Geometry] = {}
    for node in graph_module.graph.nodes:
        if node.op == "placeholder":
            found[node.name] = Geometry(image_channels, receptive_field=1, stride=1, offset=0)
            continue
        window = _window(graph_module, node)
        inputs = [found.get(parent.name) for parent in node.all_input_nodes]
        if window is None or None in inputs or len({geometry.stride for geometry in inputs}) != 1:
            continue
        step = inputs[0].stride
        first = min(geometry.offset for geometry in inputs)
        end = max(geometry.offset + geometry.receptive_field for geometry in inputs)
        found[node.name] = Geometry(
            channels=_channels(graph_module, node, inputs),
            receptive_field=end - first + (window.kernel - 1) * step,
            stride=step * window.stride,
            offset=first - window.before * step,
        )
    return found


def _part(graph_module: fx.GraphModule, given: list[fx.Node], wanted: fx.Node | tuple[fx.Node, ...]) -> fx.GraphModule:
    """What leads from the values of some nodes to those of others and no more, sharing the parameters."""
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
    """The part of the network that leads to one node, sharing the parameters: [b, 3, H, W] -> [b, channels, h, w]."""
    target = next(node for node in graph_module.graph.nodes if node.name == node_name)
    return _part(graph_module, graph_module.graph.find_nodes(op="placeholder"), target)


def cut(graph_module: fx.GraphModule, node_name: str) -> tuple[fx.GraphModule, fx.GraphModule]:
    """The network in two parts, before and after a node: what comes before runs once, whatever replaces the node after.

    before: images -> the node's output [b, channels, h, w], then all else that the second part reads: branches that run
    past the node, the number of images. after: the same values, in the same order -> what the whole network answers.
    """
    nodes = list(graph_module.graph.nodes)
    target = next(node for node in nodes if node.name == node_name)
    later = {target}
    for node in nodes:
        if not later.isdisjoint(node.all_input_nodes):
            later.add(node)
    read = {parent for node in later - {target} for parent in node.all_input_nodes}
    values = [target, *(node for node in nodes if node in read - later)]
    answer = nodes[-1].all_input_nodes[0]
    before = _part(graph_module, graph_module.graph.find_nodes(op="placeholder"), tuple(values))
    return before, _part(graph_module, values, answer)


def _bare(module: nn.Module) -> nn.Module:
    """The same operation without its padding, for an input that holds exactly what it needs; parameters are shared."""
    if not hasattr(module, "kernel_size"):
        return module
    bare = copy.copy(module)
    bare.padding = (0, 0) if isinstance(module, nn.Conv2d) else 0
    return bare


def cone(graph_module: fx.GraphModule, node_name: str) -> fx.GraphModule | None:
    """The arithmetic that one unit of a node needs and no more: [b, 3, RF, RF] -> [b, channels, 1, 1].

    Backwards from the unit, each operation is asked only for the extent that the unit needs of it; forwards, each is
    computed on that extent, with no padding anywhere. The result is that of a unit whose receptive field lies inside
    the image. None where an operation on the way is no window, or pads with anything but zeros. Source: ours.
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
    """First and last input position that the outputs first ... last read."""
    first, last = extent
    return window.stride * first - window.before, window.stride * last - window.before + window.kernel - 1
