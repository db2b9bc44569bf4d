"""A network as a graph: its recorded operations and their names, prefixes, cuts at a layer, and cones of single units.

The mechanism is the same for every network: `torch.fx` records the operations, and `tasks.vision.geometry` says where
the units of each operation's output are and what they see.
"""

import hashlib
import inspect
import math
import operator
import re
import threading
import traceback
from collections.abc import Callable
from typing import Any

import torch
from torch import fx, nn

from tasks.errors import UserError, one_line
from tasks.vision.geometry import Analysis, Map, Pieces
from tasks.vision.operations import WINDOWS, Pointwise, Window, arguments, called_module, name_of, without_padding

_tracing = threading.Lock()


class LayerTracer(fx.Tracer):
    """Record a module's operations, their names, and for each submodule the output nodes of its calls.

    While it records, `torch.fx` intercepts the module calls of all threads; those of other threads are executed as
    usual. leaves, functions: modules and functions that are one operation each.

    A node's name is torchvision's: the path of the submodule, for a function followed by the function's name, and from
    the second of that name on a number, for example `layer1.0.relu_1`.
    """

    def __init__(self, leaves: tuple[type[nn.Module], ...] = (), functions: tuple[Callable, ...] = ()) -> None:
        super().__init__(autowrap_modules=(math,), autowrap_functions=functions)
        self.leaves: tuple[type[nn.Module], ...] = (Pointwise, *leaves)
        self.outputs: dict[str, list[str]] = {}
        self.names: dict[str, str] = {}
        self.path = ""
        self.thread = threading.get_ident()
        self._calls: dict[str, int] = {}

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, self.leaves) or super().is_leaf_module(m, module_qualified_name)

    def create_args_for_root(self, root_fn, is_module, concrete_args=None):
        """Return the arguments of the network's forward: the image, and the default values of all others."""
        function, arguments = super().create_args_for_root(root_fn, is_module, concrete_args)
        for place, parameter in enumerate(inspect.signature(root_fn).parameters.values()):
            if place > 1 and parameter.default is not parameter.empty:
                self.graph.erase_node(arguments[place].node)
                arguments[place] = parameter.default
        return function, arguments

    def call_module(self, m, forward, args, kwargs):
        if threading.get_ident() != self.thread:
            return forward(*args, **kwargs)
        outer, self.path = self.path, self.path_of_module(m)
        output = super().call_module(m, forward, args, kwargs)
        if isinstance(output, fx.Proxy):
            self.outputs.setdefault(self.path, []).append(output.node.name)
        # only after success, so that the path of an operation that can't be recorded is known
        self.path = outer
        return output

    def create_node(self, kind, target, args, kwargs, name=None, type_expr=None):
        node = super().create_node(kind, target, args, kwargs, name, type_expr)
        plain = self.path if kind == "call_module" else ".".join(filter(None, (self.path, node.name)))
        # without the number that torch.fx adds
        plain = re.sub(r"(?<=.)_\d+$", "", plain)
        call = self._calls.get(plain, 0)
        self._calls[plain] = call + 1
        self.names[node.name] = f"{plain}_{call}" if call else plain
        return node


def trace(module: nn.Module, **leaves: Any) -> tuple[fx.GraphModule, dict[str, list[str]], dict[str, str]]:
    """Return the module's graph, {submodule: [output node of its first, second, … call]} and {node: its name}.

    leaves: as `LayerTracer`. Raises UserError, with the operation and the submodule, if the operations can't be
    recorded because they depend on the values of the image.
    """
    with _tracing:
        tracer = LayerTracer(**leaves)
        try:
            graph = tracer.trace(module)
        except Exception as error:
            raise UserError(_untraceable(tracer, module, error)) from error
    return fx.GraphModule(tracer.root, graph), tracer.outputs, tracer.names


def _untraceable(tracer: LayerTracer, module: nn.Module, error: Exception) -> str:
    """Return one line on the operation that can't be recorded: its submodule, its line of code, and why."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "torch/fx" not in frame.filename]
    line = f", at {frames[-1].line!r}" if frames and frames[-1].line else ""
    where = f"{tracer.path or 'its forward'} ({type(module.get_submodule(tracer.path)).__name__})"
    return f"can't be traced in {where}{line}: {one_line(str(error).splitlines()[0] if str(error) else repr(error))}"


def as_map(value: torch.Tensor, layout: str, rows: int, columns: int, before: int) -> torch.Tensor:
    """Return a value with positions as [b, channels, rows, columns]; tokens before those of positions are left out."""
    if layout == "byxc":
        return value.permute(0, 3, 1, 2)
    if layout == "bnc":
        value = value.transpose(1, 2)
    return value[:, :, before:].unflatten(2, (rows, columns))


def from_map(acts_bcyx: torch.Tensor, value: torch.Tensor, layout: str, before: int) -> torch.Tensor:
    """Return the inverse of `as_map`, with the tokens before those of positions taken from `value`."""
    if layout == "byxc":
        return acts_bcyx.permute(0, 2, 3, 1)
    tokens_bcn = acts_bcyx.flatten(2)
    if layout == "bnc":
        return torch.cat([value[:, :before], tokens_bcn.transpose(1, 2)], dim=1)
    return torch.cat([value[:, :, :before], tokens_bcn], dim=2)


def add_maps(graph_module: fx.GraphModule, maps: dict[str, Map]) -> dict[str, str]:
    """Add to the graph the views of tokens and channels-last values as maps; return {node: node of its map}.

    No operation uses the views, so that the network computes what it did before.
    """
    map_of = {}
    for node in list(graph_module.graph.nodes):
        value = maps.get(node.name)
        if value is None or value.layout == "bcyx":
            continue
        with graph_module.graph.inserting_after(node):
            args = (node, value.layout, value.rows, value.columns, value.before)
            map_of[node.name] = graph_module.graph.call_function(as_map, args).name
    if map_of:
        graph_module.recompile()
    return map_of


def _part(
    graph_module: fx.GraphModule,
    given: list[fx.Node],
    wanted: fx.Node | tuple[fx.Node, ...],
    replaced: fx.Node | None = None,
) -> fx.GraphModule:
    """Return the part of the graph that computes the `wanted` nodes from the `given` ones; parameters are shared.

    replaced: a map (`as_map`) among the given nodes whose value replaces its source's positions
    """
    needed, waiting = set(given), [wanted] if isinstance(wanted, fx.Node) else list(wanted)
    if replaced:
        needed.add(_viewed(replaced))
    while waiting:
        node = waiting.pop()
        if node not in needed:
            needed.add(node)
            waiting += node.all_input_nodes
    graph = fx.Graph()
    copies = {node: graph.placeholder(node.name) for node in given}
    if replaced:
        source = _viewed(replaced)
        _, layout, _, _, before = replaced.args
        copies[source] = graph.call_function(from_map, (copies[replaced], copies.get(source), layout, before))
    for node in graph_module.graph.nodes:
        is_view = node.target is as_map and node.args[0] in copies
        if node not in copies and (node in needed or is_view):
            copies[node] = graph.node_copy(node, copies.__getitem__)
    graph.output(fx.node.map_arg(wanted, copies.__getitem__))
    return fx.GraphModule(graph_module, graph)


def _node(graph_module: fx.GraphModule, name: str) -> fx.Node:
    return next(node for node in graph_module.graph.nodes if node.name == name)


def _viewed(node: fx.Node) -> fx.Node:
    """Return the node that a view as a map (`as_map`) is of; any other node is returned as is."""
    source = node.args[0] if node.target is as_map else node
    assert isinstance(source, fx.Node)
    return source


def prefix(graph_module: fx.GraphModule, node_name: str) -> fx.GraphModule:
    """Return the part of the network up to one node: [b, 3, H, W] -> [b, channels, h, w]; parameters are shared."""
    return _part(graph_module, graph_module.graph.find_nodes(op="placeholder"), _node(graph_module, node_name))


def cut(graph_module: fx.GraphModule, node_name: str) -> tuple[fx.GraphModule, fx.GraphModule]:
    """Cut the network at a node into two modules, so that the node's output can be replaced between them.

    The first maps images to the node's output [b, channels, h, w] and all other values that the second needs, such as
    branches that bypass the node. The second maps these values, in the same order, to the network's output.
    """
    nodes = list(graph_module.graph.nodes)
    target = _node(graph_module, node_name)
    source = _viewed(target)
    is_view = source is not target
    later = {source}
    for node in nodes:
        if not later.isdisjoint(node.all_input_nodes):
            later.add(node)
    inputs = {parent for node in later - {source} for parent in node.all_input_nodes if parent.op != "get_attr"}
    others = inputs - later
    if is_view and target.args[-1]:  # its tokens before those of positions are kept
        others.add(source)
    values = [target, *(node for node in nodes if node in others)]
    output = nodes[-1].all_input_nodes[0]
    before = _part(graph_module, graph_module.graph.find_nodes(op="placeholder"), tuple(values))
    return before, _part(graph_module, values, output, replaced=target if is_view else None)


def cone(analysis: Analysis, node_name: str) -> fx.GraphModule | None:
    """Return the module that computes one unit of a node from its receptive field, with the least arithmetic.

    It maps [b, 3, RF, RF] to [b, channels, 1, 1]. Backwards from the unit, the function determines the extent of each
    operation's output that the unit needs. Forwards, each operation is computed on that extent, without padding. The
    result is that of a unit whose receptive field lies inside the image. Returns None if the unit isn't local, or if an
    operation on the way pads with anything but zeros. Source: ours.
    """
    target = _node(analysis.graph_module, node_name)
    source = _viewed(target)
    value = analysis.values[source.name]
    if not (isinstance(value, Map) and value.exact):
        return None
    return _Cone(analysis, source).module(None if source is target else target)


Extent = tuple[tuple[int, int], tuple[int, int]]
"""First and last row, first and last column."""


class _Cone:
    """The construction of a cone: the extents that each operation needs, and the operations on them."""

    def __init__(self, analysis: Analysis, target: fx.Node) -> None:
        self.analysis, self.target = analysis, target
        self.nodes = list(analysis.graph_module.graph.nodes)
        self.needed: dict[fx.Node, Extent] = {target: ((0, 0), (0, 0))}
        for node in reversed(self.nodes[: self.nodes.index(target) + 1]):
            if node not in self.needed or node.op == "placeholder":
                continue
            reads = self._reads(node)
            for parent in filter(self._is_map, node.all_input_nodes):
                known = self.needed.get(parent, reads)
                self.needed[parent] = _hull(reads[0], known[0]), _hull(reads[1], known[1])
        self.graph = fx.Graph()
        self.computed: dict[fx.Node, fx.Node] = {}
        self.attributes: dict[str, Any] = {}

    def _is_map(self, node: fx.Node) -> bool:
        return isinstance(self.analysis.values[node.name], Map | Pieces)

    def _reads(self, node: fx.Node) -> Extent:
        """Return the extent of its inputs that the needed extent of a node depends on."""
        vertical, horizontal = self.analysis.windows.get(node.name, (Window(), Window()))
        rows, columns = self.needed[node]
        return _reads(vertical, rows), _reads(horizontal, columns)

    def module(self, view: fx.Node | None) -> fx.GraphModule:
        """Return the cone. view: the target as a map, where it is not."""
        for node in self.nodes:
            if node in self.needed:
                self.computed[node] = self._emitted(node)
            elif node.target is as_map and node.args[0] in self.computed:
                self.computed[node] = self.graph.node_copy(node, self.computed.__getitem__)
        self.graph.output(self.computed[view or self.target])
        return fx.GraphModule(self.attributes, self.graph).eval()

    def _emitted(self, node: fx.Node) -> fx.Node:
        """Add a node's operation, on the needed extent."""
        if node.op == "placeholder":
            # the patch is square, the receptive field may be oblong
            side = _hull(*self.needed[node])
            self.needed[node] = side, side
            return self.graph.placeholder(node.name)
        if isinstance(self.analysis.values[node.all_input_nodes[0].name], Pieces):
            self.needed[node] = self.needed[node.all_input_nodes[0]]
        reads = self._reads(node)
        module = called_module(self.analysis.graph_module, node)
        if isinstance(module, nn.ZeroPad2d) or (module is None and name_of(node) == "pad"):
            return self._take(node.all_input_nodes[0], reads)
        if node.name in self.analysis.reshaped:
            return self.graph.call_function(
                torch.reshape, (self._take(node.all_input_nodes[0], reads), self._shape(node))
            )
        if module is None and name_of(node) in WINDOWS:
            given = arguments(node, WINDOWS[name_of(node)]) | {"padding": 0}
            given = fx.node.map_arg(given, lambda parent: self._argument(parent, reads))
            assert callable(node.target)  # these are no methods
            return self.graph.call_function(node.target, (), given)
        if module is not None:
            self.attributes[str(node.target)] = without_padding(module)
        return self.graph.node_copy(node, lambda parent: self._argument(parent, reads))

    def _argument(self, node: fx.Node, extent: Extent) -> fx.Node:
        return self._take(node, extent) if self._is_map(node) else self._constant(node)

    def _take(self, node: fx.Node, extent: Extent) -> fx.Node:
        """Return the extent of a node's output that was computed before."""
        held = self.needed[node]
        if extent == held:
            return self.computed[node]
        parts = {
            letter: slice(first - held_first, last - held_first + 1)
            for letter, (first, last), (held_first, _) in zip("yx", extent, held, strict=True)
        }
        index = tuple(parts.get(letter, slice(None)) for letter in self.analysis.map_of(node.name).layout)
        return self.graph.call_function(operator.getitem, (self.computed[node], index))

    def _constant(self, node: fx.Node) -> fx.Node:
        """Add what doesn't depend on the image's content: parameters, numbers of channels."""
        if node not in self.computed:
            if node.op == "get_attr":
                path = str(node.target)
                self.attributes[path] = operator.attrgetter(path)(self.analysis.graph_module)
            self.computed[node] = self.graph.node_copy(node, self._constant)
        return self.computed[node]

    def _shape(self, node: fx.Node) -> tuple[int, ...]:
        """Return the shape of a reshaped value on the needed extent."""
        sizes = {letter: last - first + 1 for letter, (first, last) in zip("yx", self.needed[node], strict=True)}
        sizes["b"] = -1
        layout = self.analysis.map_of(node.name).layout
        return tuple(
            sizes.get(letter, size) for letter, size in zip(layout, self.analysis.shapes[node.name], strict=True)
        )


def _hull(first: tuple[int, int], second: tuple[int, int]) -> tuple[int, int]:
    return min(first[0], second[0]), max(first[1], second[1])


def _reads(window: Window, extent: tuple[int, int]) -> tuple[int, int]:
    """Return the first and last input position that the outputs first … last depend on."""
    first, last = extent
    return window.stride * first - window.before, window.stride * last - window.before + window.kernel - 1


def fingerprint(graph_module: fx.GraphModule) -> str:
    """Return the SHA-256 of a network's operations, their arguments, and all tensors of its state."""
    digest = hashlib.sha256()
    for node in graph_module.graph.nodes:
        if node.target is as_map:
            continue
        target = node.target
        if (module := called_module(graph_module, node)) is not None:
            target = f"{target} {type(module).__module__} {module!r}"
        elif not isinstance(target, str):
            target = f"{getattr(target, '__module__', '')}.{getattr(target, '__qualname__', target)}"
        digest.update(f"{node.name} {node.op} {target} {node.args} {node.kwargs}\n".encode())
    for name, tensor in sorted(graph_module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        digest.update(tensor.detach().contiguous().view(-1).view(torch.uint8).numpy() if tensor.numel() else b"")
    return digest.hexdigest()
