"""What single operations of a network do to positions: pointwise, a window that slides over its input, or otherwise.

The tables name PyTorch's operations, and those of the few modules of timm that its own tracer doesn't look into.
"""

import copy
from dataclasses import dataclass
from typing import Any

from torch import fx, nn
from torch.nn.modules import activation


class Pointwise(nn.Module):
    """Base class of our modules that compute each position from that position alone, mixing only channels."""


@dataclass(frozen=True)
class Window:
    """Output position i depends on the input positions stride * i - before … stride * i - before + kernel - 1."""

    kernel: int = 1
    stride: int = 1
    before: int = 0


_BETWEEN_POSITIONS = ("MultiheadAttention", "Softmax", "Softmax2d", "LogSoftmax", "Softmin", "GLU", "PReLU")
ELEMENTWISE_MODULES = (
    *(getattr(activation, name) for name in activation.__all__ if name not in _BETWEEN_POSITIONS),
    nn.Identity,
    nn.modules.dropout._DropoutNd,
)
CHANNELWISE_MODULES = (Pointwise, nn.BatchNorm2d, nn.PReLU, nn.Softmax2d, nn.LocalResponseNorm, nn.ChannelShuffle)
"""For values with the axes image, channel, row, column. In evaluation mode batch normalisation is pointwise."""
CHANNELWISE_NAMES = {"FrozenBatchNorm2d", "FrozenBatchNormAct2d"}
SAME_PADDED = {"Conv2dSame", "StdConv2dSame", "ScaledStdConv2dSame", "MaxPool2dSame", "AvgPool2dSame"}
"""timm's modules that pad as TensorFlow's "SAME" does: the padding depends on the size of the input."""

ELEMENTWISE = {
    "abs", "add", "addcmul", "bernoulli", "celu", "clamp", "clamp_max", "clamp_min", "clip", "clone",
    "contiguous", "detach", "div", "dropout", "dropout1d", "dropout2d", "dropout3d", "elu", "eq", "exp",
    "expm1", "feature_dropout", "float", "ge", "gelu", "gt", "half", "hardshrink", "hardsigmoid", "hardswish",
    "hardtanh", "iadd", "imul", "isub", "itruediv", "le", "leaky_relu", "lerp", "log", "log1p", "logsigmoid",
    "lt", "masked_fill", "maximum", "minimum", "mish", "mul", "multiply", "ne", "neg", "negative", "pos", "pow",
    "reciprocal", "relu", "relu6", "rrelu", "rsqrt", "rsub", "selu", "sigmoid", "sign", "silu", "softplus",
    "softshrink", "softsign", "sqrt", "square", "stochastic_depth", "sub", "subtract", "tanh", "tanhshrink",
    "threshold", "to", "true_divide", "truediv", "type", "type_as", "where",
}  # fmt: skip
"""Names of functions and methods; a trailing underscore, for in place, is ignored."""
WINDOWS = {
    "conv2d": ("input", "weight", "bias", "stride", "padding", "dilation", "groups"),
    "max_pool2d": ("input", "kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"),
    "avg_pool2d": ("input", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"),
}
"""Functions that slide a window, with the names of their arguments."""
REDUCTIONS = {
    "mean",
    "sum",
    "amax",
    "amin",
    "var",
    "std",
    "norm",
    "logsumexp",
    "prod",
    "argmax",
    "argmin",
    "max",
    "min",
}
ALONG_ONE_AXIS = {"softmax", "log_softmax", "normalize", "cumsum", "softmin"}
PRODUCTS = {"matmul", "bmm", "baddbmm", "addmm", "mm", "einsum", "scaled_dot_product_attention"}
"""Products whose result can't be recognised as a map by its shape: attention matrices are square, too."""


def name_of(node: fx.Node) -> str:
    """Return the name of a node's function or method, for example "add"; that of a module is its class."""
    target = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))
    return target.lstrip("_").rstrip("_") or target


def called_module(graph_module: fx.GraphModule, node: fx.Node) -> nn.Module | None:
    """Return the module that a node calls, or None if it calls a function or method."""
    return graph_module.get_submodule(str(node.target)) if node.op == "call_module" else None


def pair(value: int | tuple[int, int] | list[int]) -> tuple[int, int]:
    """Return a value for both axes, vertical first."""
    return (value, value) if isinstance(value, int) else (value[0], value[-1])


def arguments(node: fx.Node, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the arguments of a node by name."""
    return dict(zip(names, node.args, strict=False)) | dict(node.kwargs)


def windows_of_module(module: nn.Module, rows: int, columns: int) -> tuple[Window, Window] | None:
    """Return the vertical and the horizontal window of a module, or None if it has none.

    rows, columns: size of its input, which matters only to modules of `SAME_PADDED`.
    """
    if type(module) is nn.ZeroPad2d:
        left, _, top, _ = module.padding
        return Window(before=top), Window(before=left)
    if type(module).__name__ in SAME_PADDED:
        dynamic = getattr(module, "same_pad", True)
    elif type(module) in (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d):
        dynamic = False
    else:
        return None
    given = {name: getattr(module, name, 1) for name in ("kernel_size", "stride", "padding", "dilation")}
    return windows(**given, size=(rows, columns) if dynamic else None)


def windows(
    kernel_size: Any, stride: Any, padding: Any = 0, dilation: Any = 1, size: tuple[int, int] | None = None
) -> tuple[Window, Window] | None:
    """Return the windows of a convolution or pooling from its arguments; None where one of them isn't a number.

    size: of the input, for padding that depends on it ("SAME" as in TensorFlow).
    """
    found = []
    for axis in range(2):
        try:
            kernel, step, spacing = (pair(value)[axis] for value in (kernel_size, stride or kernel_size, dilation))
            extent = spacing * (kernel - 1) + 1
            if size is not None:
                before = max((-(-size[axis] // step) - 1) * step + extent - size[axis], 0) // 2
            elif isinstance(padding, str):
                before = (extent - 1) // 2 if padding == "same" else 0
            else:
                before = pair(padding)[axis]
        except TypeError:
            return None
        if not all(isinstance(value, int) for value in (extent, step, before)):
            return None
        found.append(Window(extent, step, before))
    return found[0], found[1]


def without_padding(module: nn.Module) -> nn.Module:
    """Return a copy of a window's module that doesn't pad, with shared parameters; other modules are returned as is."""
    if not hasattr(module, "kernel_size"):
        return module
    bare: Any = copy.copy(module)  # nn.Module declares none of the attributes
    if isinstance(bare, nn.Conv2d):
        bare.padding = (0, 0)
        # "same" keeps the padding in another attribute as well
        bare._reversed_padding_repeated_twice = [0, 0, 0, 0]
    else:
        bare.padding = 0
    if hasattr(bare, "same_pad"):
        bare.same_pad = False
    elif type(bare).__name__ in SAME_PADDED:
        bare.__class__ = next(kind for kind in (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d) if isinstance(bare, kind))
    return bare
