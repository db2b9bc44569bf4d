"""Where the units of a network's values are and what they see, computed from the recorded operations. Source: ours.

A value with positions is a `Map`: its axes, and for each axis of positions the receptive field, stride and offset in
input pixels. A unit is local if it depends on its receptive field alone. What mixes distant positions (attention, a
gate from global pooling, a position embedding) keeps the positions but is not local. A value whose operations this
module doesn't know is a map if its shape is that of an earlier map, or a whole fraction of the image.
"""

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import fx, nn

from tasks.errors import UserError, one_line
from tasks.vision.operations import (
    ALONG_ONE_AXIS,
    CHANNELWISE_MODULES,
    CHANNELWISE_NAMES,
    ELEMENTWISE,
    ELEMENTWISE_MODULES,
    PRODUCTS,
    REDUCTIONS,
    WINDOWS,
    Window,
    arguments,
    called_module,
    name_of,
    windows,
    windows_of_module,
)

BATCH = 2
"""Images per batch when shapes are determined: a value whose first axis differs has other things than images there."""
IMAGE_AXES = "bcyx"
RESHAPES = ("view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "expand")
LAYOUTS = ("bcyx", "byxc", "bnc", "bcn")
"""Axes of the values that can be layers: image, channel, row, column; n: positions in reading order (tokens)."""


@dataclass(frozen=True)
class Axis:
    """Along one axis, unit i sees the pixels offset + stride * i … offset + stride * i + receptive_field - 1."""

    receptive_field: int
    stride: int
    offset: int

    def through(self, window: Window) -> "Axis":
        """Return the axis of a window's output."""
        return Axis(
            receptive_field=self.receptive_field + (window.kernel - 1) * self.stride,
            stride=self.stride * window.stride,
            offset=self.offset - window.before * self.stride,
        )


def union(axes: Iterable[Axis]) -> Axis:
    """Return the axis whose units see what the units of all axes see. The strides must be equal."""
    axes = list(axes)
    first = min(axis.offset for axis in axes)
    end = max(axis.offset + axis.receptive_field for axis in axes)
    return Axis(end - first, axes[0].stride, first)


@dataclass(frozen=True)
class Map:
    """A value with positions.

    layout: an axis's letter for each axis, see LAYOUTS; g: groups of channels
    rows, columns: number of positions for an image of the network's input size
    before: number of tokens before those of positions (class token)
    local: whether a unit depends on its receptive field alone; otherwise y and x only say where it is
    exact: whether a cone computes it; sized: whether padding before it depends on the size of the image
    """

    layout: str
    channels: int
    y: Axis
    x: Axis
    rows: int
    columns: int
    before: int = 0
    local: bool = True
    exact: bool = True
    sized: bool = False

    @property
    def square(self) -> Axis:
        """The axis of the square that contains the receptive field, for both directions."""
        return union((self.y, self.x))

    @property
    def receptive_field(self) -> int:
        return self.square.receptive_field

    @property
    def stride(self) -> int:
        return self.square.stride

    @property
    def offset(self) -> int:
        return self.square.offset

    @property
    def tokens(self) -> int:
        """The number of positions and of the tokens before them."""
        return self.rows * self.columns + self.before

    def not_local(self) -> "Map":
        return replace(self, local=False, exact=False)

    def extent(self, letter: str) -> int | None:
        """Return the size of an axis; None for images and for channels, which may be split into groups."""
        return {"y": self.rows, "x": self.columns, "n": self.tokens}.get(letter)

    def letters(self, dims: Any) -> str | None:
        """Return the letters of some axes by their numbers; None if they aren't numbers."""
        dims = dims if isinstance(dims, tuple | list) else (dims,)
        if not all(isinstance(dim, int) and -len(self.layout) <= dim < len(self.layout) for dim in dims):
            return None
        return "".join(self.layout[dim] for dim in dims)


@dataclass(frozen=True)
class Constant:
    """A value that the image's content doesn't determine. of_size: its size does."""

    of_size: bool = False


@dataclass(frozen=True)
class Shape:
    """The shape of a map."""

    of: Map


@dataclass(frozen=True)
class Pieces:
    """A map cut along its channels."""

    of: Map


Value = Map | Constant | Shape | Pieces | None
"""None: a value that depends on the image but has no known positions."""


COMPUTED_PARAMETERS, COMPUTED_PIXELS = 100_000_000, 512
"""Networks up to this size really run: in 0.1 to 2 s, while importing what PyTorch needs for shapes alone takes 2 s."""


class _Shapes(fx.Interpreter):
    """Run a network, and keep the shape of every tensor."""

    def __init__(self, graph_module: fx.GraphModule) -> None:
        super().__init__(graph_module)
        self.shapes: dict[str, tuple[int, ...]] = {}

    def run_node(self, node: fx.Node) -> Any:
        result = super().run_node(node)
        if isinstance(result, torch.Tensor):
            self.shapes[node.name] = tuple(result.shape)
        return result


def shapes(graph_module: fx.GraphModule, input_size: int, channels: int = 3) -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor for a batch of `BATCH` images of input_size pixels, by node name.

    Raises UserError if the network doesn't run on such images.
    """
    images = torch.zeros(BATCH, channels, input_size, input_size)
    parameters = sum(parameter.numel() for parameter in graph_module.parameters())
    if parameters > COMPUTED_PARAMETERS or input_size > COMPUTED_PIXELS:
        found = _without_content(graph_module, images)
        if found is not None:
            return found
    interpreter = _Shapes(graph_module)
    try:
        with torch.no_grad():
            interpreter.run(images)
    except Exception as error:
        reason = one_line(str(error).split("\n")[0] or type(error).__name__)
        raise UserError(f"does not run on images of {input_size} pixels: {reason}") from error
    return interpreter.shapes


def _without_content(graph_module: fx.GraphModule, images: torch.Tensor) -> dict[str, tuple[int, ...]] | None:
    """Return what `shapes` returns from a copy whose tensors have shapes only.

    None if the network makes tensors with content, or reads it.
    """
    tensors = [*graph_module.parameters(), *graph_module.buffers()]
    copied = copy.deepcopy(graph_module, {id(tensor): tensor.detach().to("meta") for tensor in tensors})
    interpreter = _Shapes(copied)
    try:
        with torch.no_grad(), torch.device("meta"):
            interpreter.run(images.to("meta"))
    except Exception:
        return None
    return interpreter.shapes


def geometries(graph_module: fx.GraphModule, input_size: int = 224) -> dict[str, Map]:
    """Return the map of every node that has one, by node name. Raises UserError as `shapes` does.

    The receptive field of a node with several inputs (sum, concatenation) is the union of theirs. Nodes without
    positions (global pooling, classifier) have no entry.
    """
    found = Analysis(graph_module, shapes(graph_module, input_size)).values
    return {name: value for name, value in found.items() if isinstance(value, Map)}


class Analysis:
    """The value of every node, by node name.

    shapes: as the function of that name returns them
    windows: those of nodes that slide one; reshaped: nodes that only merge or split axes
    """

    def __init__(self, graph_module: fx.GraphModule, shapes: dict[str, tuple[int, ...]]) -> None:
        self.graph_module, self.shapes = graph_module, shapes
        self.values: dict[str, Value] = {}
        self.windows: dict[str, tuple[Window, Window]] = {}
        self.reshaped: set[str] = set()
        # what has been seen so far: axes by number of rows and columns, and positions and other tokens by their sum
        self.grids: dict[tuple[int, int], tuple[Axis, Axis]] = {}
        self.tokens: dict[int, tuple[int, int, int]] = {}
        for node in graph_module.graph.nodes:
            if node.op != "output":
                value = self._value(node)
                self.values[node.name] = value
                if isinstance(value, Map) and node.op != "placeholder":
                    self._remember(value)

    def map_of(self, name: str) -> Map:
        """Return the value of a node that is known to be a map."""
        value = self.values[name]
        assert isinstance(value, Map)
        return value

    def _remember(self, value: Map) -> None:
        self.grids[value.rows, value.columns] = value.y, value.x
        if "n" in value.layout:
            self.tokens[value.tokens] = value.rows, value.columns, value.before

    def _value(self, node: fx.Node) -> Value:
        if node.op == "placeholder":
            if node.name not in self.shapes:
                return Constant()
            _, channels, rows, columns = self.shapes[node.name]
            self.image = Map(IMAGE_AXES, channels, Axis(1, 1, 0), Axis(1, 1, 0), rows, columns)
            return self.image
        inputs = [self.values[parent.name] for parent in node.all_input_nodes]
        constants = [value for value in inputs if isinstance(value, Constant)]
        if len(constants) == len(inputs):
            return Constant(any(value.of_size for value in constants))
        if (module := called_module(self.graph_module, node)) is not None:
            return self._of_module(node, module)
        return self._of_function(node, name_of(node))

    def _first(self, node: fx.Node) -> Value:
        """Return the value of a node's first argument."""
        first = node.args[0] if node.args else node.kwargs.get("input")
        return self.values[first.name] if isinstance(first, fx.Node) else None

    # Modules ----------------------------------------------------------------------------------------------------------

    def _of_module(self, node: fx.Node, module: nn.Module) -> Value:
        value = self._first(node)
        if not isinstance(value, Map):
            return self._by_shape(node)
        if isinstance(module, ELEMENTWISE_MODULES):
            return value
        if isinstance(module, CHANNELWISE_MODULES) or type(module).__name__ in CHANNELWISE_NAMES:
            whole_batch = isinstance(module, nn.BatchNorm2d) and module.running_mean is None
            return value.not_local() if whole_batch or value.layout != IMAGE_AXES else value
        if isinstance(module, nn.LayerNorm):
            return self._over_last_axes(value, len(module.normalized_shape))
        if isinstance(module, nn.GroupNorm | nn.InstanceNorm2d | nn.RMSNorm):
            return self._over_last_axes(value, len(getattr(module, "normalized_shape", (0, 0))))
        if isinstance(module, nn.Linear) and value.layout[-1] == "c":
            return replace(value, channels=module.out_features)
        if isinstance(module, nn.Flatten | nn.Unflatten):
            return self._reshaped(node, value)
        if value.layout == IMAGE_AXES and (found := windows_of_module(module, value.rows, value.columns)):
            exact = getattr(module, "padding_mode", "zeros") == "zeros"
            return self._through(
                node, value, found, exact, getattr(module, "same_pad", "Same" in type(module).__name__)
            )
        return self._by_shape(node)

    def _over_last_axes(self, value: Map, number: int) -> Map:
        """Return the map after a normalisation over its last axes."""
        return value if value.layout[-number:] == "c" else value.not_local()

    def _through(
        self, node: fx.Node, value: Map, found: tuple[Window, Window], exact: bool = True, sized: bool = False
    ) -> Map:
        _, channels, rows, columns = self.shapes[node.name]
        self.windows[node.name] = found
        y, x = (axis.through(window) for axis, window in zip((value.y, value.x), found, strict=True))
        return replace(
            value, channels=channels, y=y, x=x, rows=rows, columns=columns,
            exact=value.exact and exact, sized=value.sized or sized,
        )  # fmt: skip

    # Functions and methods --------------------------------------------------------------------------------------------

    def _of_function(self, node: fx.Node, name: str) -> Value:
        value = self._first(node)
        if name in ("getattr", "size", "dim", "numel"):
            return self._size(node, value, name)
        if name == "getitem":
            return self._item(node, value)
        if name in ELEMENTWISE:
            return self._elementwise(node)
        if name in ("cat", "concat", "concatenate"):
            return self._concatenated(node)
        if not isinstance(value, Map):
            return None if name in PRODUCTS | REDUCTIONS | ALONG_ONE_AXIS else self._by_shape(node)
        if name in WINDOWS and value.layout == IMAGE_AXES:
            return self._window_function(node, value, name)
        if name == "pad":
            return self._padded(node, value)
        if name in ("permute", "transpose", "swapaxes", "swapdims", "movedim"):
            return self._permuted(node, value, name)
        if name in RESHAPES:
            return self._reshaped(node, value)
        if name in ("chunk", "split", "tensor_split"):
            dims = arguments(node, ("input", "parts", "dim")).get("dim", 0)
            return Pieces(value) if value.letters(dims) == "c" else None
        return self._along_axes(node, value, name)

    def _along_axes(self, node: fx.Node, value: Map, name: str) -> Value:
        """Return the value of a function that works along some of the map's axes."""
        if name in ALONG_ONE_AXIS:
            position = 2 if name == "normalize" else 1
            dim = node.kwargs.get("dim", node.args[position] if len(node.args) > position else 1)
            return value if value.letters(dim) == "c" else value.not_local()
        if name in REDUCTIONS:
            dim = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else None)
            shape = self.shapes.get(node.name, ())
            # a reduction over the channels only, whose axis is kept
            return replace(value, channels=1) if value.letters(dim) == "c" and len(shape) == len(value.layout) else None
        if name in ("layer_norm", "rms_norm"):
            normalised = arguments(node, ("input", "normalized_shape"))["normalized_shape"]
            return self._over_last_axes(value, len(normalised) if isinstance(normalised, tuple | list) else 1)
        if name == "batch_norm":
            names = ("input", "running_mean", "running_var", "weight", "bias", "training")
            training = arguments(node, names).get("training", False)
            return value if training is False and value.layout == IMAGE_AXES else value.not_local()
        if name in ("group_norm", "instance_norm"):
            return value.not_local()
        if name == "linear" and value.layout[-1] == "c":
            return replace(value, channels=self.shapes[node.name][-1])
        return None if name in PRODUCTS else self._by_shape(node)

    def _size(self, node: fx.Node, value: Value, name: str) -> Value:
        if name == "getattr" and node.args[1] not in ("shape", "ndim", "dtype", "device"):
            return None
        if not isinstance(value, Map):
            return Constant(of_size=True)
        if name == "size" and len(node.args) > 1:
            return Constant(of_size=value.letters(node.args[1]) not in ("b", "c"))
        return Shape(value) if name == "size" or (name == "getattr" and node.args[1] == "shape") else Constant()

    def _item(self, node: fx.Node, value: Value) -> Value:
        index = node.args[1]
        if isinstance(value, Shape):
            return Constant(of_size=value.of.letters(index) not in ("b", "c"))
        if isinstance(value, Pieces) and isinstance(index, int):
            return replace(value.of, channels=_channels(value.of, self.shapes[node.name]))
        if not isinstance(value, Map) or not isinstance(index, tuple) or Ellipsis in index:
            return self._by_shape(node)
        kept = value
        for letter, part in zip(value.layout, index, strict=False):
            if part == slice(None):
                continue
            first = part.start or 0 if isinstance(part, slice) and part.stop is None and part.step is None else None
            if letter == "c" and isinstance(part, slice) and not _nodes(part):
                kept = replace(kept, channels=_channels(kept, self.shapes[node.name]))
            elif letter == "n" and isinstance(first, int) and 0 <= first <= value.before:
                kept = replace(kept, before=value.before - first)
            else:
                return self._by_shape(node)
        return kept

    def _window_function(self, node: fx.Node, value: Map, name: str) -> Value:
        given = arguments(node, WINDOWS[name])
        if name == "conv2d":
            weight = given["weight"]
            if not isinstance(self.values[weight.name], Constant):
                return self._by_shape(node)
            given["kernel_size"] = self.shapes[weight.name][2:] if weight.name in self.shapes else None
        stride = given.get("stride", 1 if name == "conv2d" else None)
        found = windows(given.get("kernel_size"), stride, given.get("padding", 0), given.get("dilation", 1))
        if found is None:
            return self._by_shape(node)
        others = [self.values[parent.name] for parent in node.all_input_nodes[1:]]
        exact = all(isinstance(other, Constant) and not other.of_size for other in others)
        return self._through(node, value, found, exact)

    def _padded(self, node: fx.Node, value: Map) -> Value:
        pads = arguments(node, ("input", "pad"))["pad"]
        if not isinstance(pads, tuple | list) or not all(isinstance(pad, int) for pad in pads):
            return self._by_shape(node)
        before = dict(zip(reversed(value.layout), pads[::2], strict=False))
        if value.layout not in ("bcyx", "byxc") or before.get("c", 0) or before.get("b", 0):
            return self._by_shape(node)
        shape = dict(zip(value.layout, self.shapes[node.name], strict=True))
        if shape["c"] != value.channels:
            return self._by_shape(node)
        found = Window(before=before.get("y", 0)), Window(before=before.get("x", 0))
        self.windows[node.name] = found
        y, x = (axis.through(window) for axis, window in zip((value.y, value.x), found, strict=True))
        return replace(value, y=y, x=x, rows=shape["y"], columns=shape["x"])

    def _permuted(self, node: fx.Node, value: Map, name: str) -> Value:
        dims: Any = node.args[1:] or tuple(node.kwargs.values())
        if len(dims) == 1:
            dims = dims[0]
        letters = value.letters(dims)
        if letters is None or name == "movedim":
            return self._by_shape(node)
        if name == "permute":
            return replace(value, layout=letters)
        swapped = value.layout.translate(str.maketrans(letters, letters[::-1]))
        return replace(value, layout=swapped)

    def _reshaped(self, node: fx.Node, value: Map) -> Value:
        """Return the map with axes merged or split: rows and columns to tokens, channels to groups, and back."""
        shape, layout = self.shapes[node.name], value.layout
        candidates = [layout, layout.replace("yx", "n"), layout.replace("gc", "c"), layout.replace("cg", "c")]
        if value.before == 0:
            candidates.append(layout.replace("n", "yx"))
        if "g" not in layout:
            candidates.append(layout.replace("c", "gc"))
        for candidate in candidates:
            if len(candidate) == len(shape) and self._fits(replace(value, layout=candidate), shape):
                tokens = "n" in candidate
                self.reshaped.add(node.name)
                return replace(
                    value, layout=candidate, exact=value.exact and not tokens, local=value.local and not tokens
                )
        return self._by_shape(node)

    def _fits(self, value: Map, shape: tuple[int, ...]) -> bool:
        channels = 1
        for letter, size in zip(value.layout, shape, strict=True):
            if letter in "cg":
                channels *= size
            elif letter == "b":
                if size != BATCH:
                    return False
            elif size != value.extent(letter):
                return False
        return channels == value.channels

    def _elementwise(self, node: fx.Node) -> Value:
        """Return the map of an operation on equal positions; a gate or an embedding of positions makes it not local."""
        shape = self.shapes.get(node.name)
        if shape is None:
            return None
        parents = [parent for parent in node.all_input_nodes if not isinstance(self.values[parent.name], Shape)]
        values = [self.values[parent.name] for parent in parents]
        maps = [value for value in values if isinstance(value, Map)]
        whole = [value for value in maps if self._has_shape(value, shape)]
        if not whole:
            return None
        first = whole[0]
        if not all(isinstance(value, Map | Constant) for value in values):
            return first.not_local()
        if not all(_aligned(first, value) for value in maps):
            return first.not_local()
        result = _merged(maps, channels=_channels(first, shape))
        if any(self._has_places(first, parent) for parent in parents if isinstance(self.values[parent.name], Constant)):
            return result.not_local()
        of_size = any(isinstance(value, Constant) and value.of_size for value in values)
        return replace(result, exact=result.exact and not of_size)

    def _has_shape(self, value: Map, shape: tuple[int, ...]) -> bool:
        """Return whether a map has the positions of a tensor of this shape."""
        return len(shape) == len(value.layout) and all(
            size == value.extent(letter) for letter, size in zip(value.layout, shape, strict=True) if letter in "yxn"
        )

    def _has_places(self, value: Map, constant: fx.Node) -> bool:
        """Return whether a constant differs between the positions of a map to which it is added."""
        shape = self.shapes.get(constant.name, ())
        return any(
            size != 1 and letter not in "cg"
            for letter, size in zip(reversed(value.layout), reversed(shape), strict=False)
        )

    def _concatenated(self, node: fx.Node) -> Value:
        given = arguments(node, ("tensors", "dim"))
        parts = given["tensors"]
        if not isinstance(parts, tuple | list) or not all(isinstance(part, fx.Node) for part in parts):
            return self._by_shape(node)
        values = [self.values[part.name] for part in parts]
        maps = [value for value in values if isinstance(value, Map)]
        letters = maps[0].letters(given.get("dim", 0)) if maps else None
        if letters == "c" and len(maps) == len(values) and all(_aligned(maps[0], value) for value in maps):
            return _merged(maps, channels=sum(value.channels for value in maps))
        if letters == "n" and len(maps) == 1 and isinstance(values[0], Constant) and values[-1] is maps[0]:
            tokens = sum(self.shapes[part.name][maps[0].layout.index("n")] for part in parts[:-1])
            return replace(maps[0].not_local(), before=maps[0].before + tokens)
        return self._by_shape(node)

    # Unknown operations -----------------------------------------------------------------------------------------------

    def _by_shape(self, node: fx.Node) -> Value:
        """Return the map that a tensor is by its shape alone, or None."""
        shape = self.shapes.get(node.name)
        if shape is None or len(shape) not in (3, 4) or shape[0] != BATCH:
            return None
        inputs = [self.values[parent.name] for parent in node.all_input_nodes]
        maps = [value for value in inputs if isinstance(value, Map)]
        sized = any(value.sized for value in maps)
        found = [
            Map(layout, shape[layout.index("c")], *axes, rows, columns, before, False, False, sized)
            for layout in LAYOUTS
            if len(layout) == len(shape) and not self._may_reorder(node, layout)
            for rows, columns, before, axes in self._places(layout, shape, maps)
        ]
        same = [value for value in found if maps and value.layout == maps[0].layout]
        return next(iter(same or found), None)

    def _may_reorder(self, node: fx.Node, layout: str) -> bool:
        """Return whether a reshape may change the order of tokens: it merges more than the axes of their channels."""
        if "n" not in layout or name_of(node) not in RESHAPES:
            return False
        axis = layout.index("n")
        before, after = self.shapes.get(node.all_input_nodes[0].name, ()), self.shapes[node.name]
        return before[axis : axis + 1] != after[axis : axis + 1]

    def _places(
        self, layout: str, shape: tuple[int, ...], maps: list[Map]
    ) -> Iterator[tuple[int, int, int, tuple[Axis, Axis]]]:
        """Yield rows, columns, tokens before them, and axes, if the shape has known positions in this layout."""
        if "n" in layout:
            tokens = shape[layout.index("n")]
            if tokens in self.tokens:
                rows, columns, before = self.tokens[tokens]
            else:
                grids = [grid for grid in self.grids if grid[0] * grid[1] == tokens]
                if not grids:
                    return
                (rows, columns), before = grids[-1], 0
        else:
            rows, columns, before = shape[layout.index("y")], shape[layout.index("x")], 0
        for value in maps:
            if (value.rows, value.columns) == (rows, columns):
                yield rows, columns, before, (value.y, value.x)
                return
        if axes := self.grids.get((rows, columns)) or self._even(rows, columns):
            yield rows, columns, before, axes

    def _even(self, rows: int, columns: int) -> tuple[Axis, Axis] | None:
        """Return the axes of a grid that divides the image, and every earlier finer grid, evenly."""
        image = self.image
        if min(rows, columns) < 2 or image.rows % rows or image.columns % columns or rows * 2 > image.rows:
            return None
        if self.grids and not any(y % rows == 0 and x % columns == 0 for y, x in self.grids):
            return None
        steps = image.rows // rows, image.columns // columns
        return Axis(steps[0], steps[0], 0), Axis(steps[1], steps[1], 0)


def _channels(value: Map, shape: tuple[int, ...]) -> int:
    channels = 1
    for letter, size in zip(value.layout, shape, strict=True):
        channels *= size if letter in "cg" else 1
    return channels


def _aligned(first: Map, second: Map) -> bool:
    """Return whether two maps have the same axes and the same number of positions at the same strides."""
    return (
        (first.layout, first.rows, first.columns, first.before)
        == (second.layout, second.rows, second.columns, second.before)
        and (first.y.stride, first.x.stride) == (second.y.stride, second.x.stride)
    )  # fmt: skip


def _merged(maps: list[Map], channels: int) -> Map:
    """Return the map of aligned maps: their receptive fields' union."""
    return replace(
        maps[0],
        channels=channels,
        y=union(value.y for value in maps),
        x=union(value.x for value in maps),
        local=all(value.local for value in maps),
        exact=all(value.exact for value in maps),
        sized=any(value.sized for value in maps),
    )


def _nodes(part: slice) -> bool:
    return any(isinstance(bound, fx.Node) for bound in (part.start, part.stop, part.step))
