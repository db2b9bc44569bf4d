"""InceptionV1 (GoogLeNet), Szegedy et al. 2014, in the two trainings that use local response normalisation.

`bvlc` is Caffe's training, `lucid` that of the circuits thread (TensorFlow's inception5h). They differ in the widths of
two layers, the padding of the first convolution, the number of classes and the constants of the normalisation. Layers
have the names of the circuits thread; the branches of a mixed layer are in the order 1x1, 3x3, 5x5, pool.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from tasks.vision.operations import Pointwise

MIXED_LAYERS = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
BRANCHES = ("1x1", "3x3", "5x5", "pool")


@dataclass(frozen=True)
class MixedWidths:
    """Numbers of channels in one mixed layer: of the four branches, and of the bottlenecks of two of them."""

    one: int
    three_bottleneck: int
    three: int
    five_bottleneck: int
    five: int
    pool: int

    @property
    def total(self) -> int:
        return self.one + self.three + self.five + self.pool


BVLC_WIDTHS = {
    "3a": MixedWidths(64, 96, 128, 16, 32, 32),
    "3b": MixedWidths(128, 128, 192, 32, 96, 64),
    "4a": MixedWidths(192, 96, 208, 16, 48, 64),
    "4b": MixedWidths(160, 112, 224, 24, 64, 64),
    "4c": MixedWidths(128, 128, 256, 24, 64, 64),
    "4d": MixedWidths(112, 144, 288, 32, 64, 64),
    "4e": MixedWidths(256, 160, 320, 32, 128, 128),
    "5a": MixedWidths(256, 160, 320, 32, 128, 128),
    "5b": MixedWidths(384, 192, 384, 48, 128, 128),
}
LUCID_WIDTHS = BVLC_WIDTHS | {
    "4a": MixedWidths(192, 96, 204, 16, 48, 64),
    "5a": MixedWidths(256, 160, 320, 48, 128, 128),
}


class LocalResponseNorm(Pointwise):
    """x / (k + alpha / size * sum of squares over `size` neighbouring channels) ** beta, for beta 1/2 or 3/4.

    It uses only sums, products and square roots. Their rounding doesn't depend on a value's position in memory, unlike
    that of a vectorised power, so that a cone equals the whole frame bit for bit.
    """

    def __init__(self, size: int, alpha: float, beta: float, k: float) -> None:
        super().__init__()
        if beta not in (0.5, 0.75):
            raise ValueError(f"local response normalisation: beta must be 0.5 or 0.75, not {beta}")
        if size % 2 == 0:
            raise ValueError(f"local response normalisation: size must be odd, not {size}")
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise activations [b, channels, h, w]; the shape doesn't change."""
        return _Normalised.apply(x, self.size, self.alpha / self.size, self.beta, self.k)


class _Normalised(torch.autograd.Function):
    """x * base ** -beta, with its gradient in closed form: autograd through the sums takes 2.6 times as long.

    Only x is saved for the backward pass, so that the gradient of the gradient is correct as well.
    """

    @staticmethod
    def forward(ctx, x: torch.Tensor, size: int, alpha: float, beta: float, k: float) -> torch.Tensor:
        ctx.save_for_backward(x)
        ctx.constants = size, alpha, beta, k
        # in place where it can be: the time goes into reading and writing memory
        base = _sums_of_padded(_padded(x, size).square_(), size).mul_(alpha).add_(k)
        return (base if beta == 0.5 else base.sqrt().mul_(base)).rsqrt_().mul_(x)

    @staticmethod
    def backward(ctx, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        [x], (size, alpha, beta, k) = ctx.saved_tensors, ctx.constants
        base = _sums(x * x, size).mul_(alpha).add_(k)
        direct = gradient * (base if beta == 0.5 else base.sqrt() * base).rsqrt()
        # each channel is part of the base of its neighbours, as they are part of its own
        return direct - 2 * alpha * beta * x * _sums(direct * x / base, size), None, None, None, None


def _sums(x: torch.Tensor, size: int) -> torch.Tensor:
    """Return sums over `size` neighbouring channels, [b, channels, h, w], with zeros beyond the first and the last."""
    return _sums_of_padded(_padded(x, size), size)


def _padded(x: torch.Tensor, size: int) -> torch.Tensor:
    """Return a copy with size // 2 channels of zeros before the first and after the last."""
    return F.pad(x, (0, 0, 0, 0, size // 2, size // 2))


def _sums_of_padded(padded: torch.Tensor, size: int) -> torch.Tensor:
    channels = padded.shape[1] - size + 1
    sums = padded[:, :channels] + padded[:, 1 : channels + 1]
    for start in range(2, size):
        sums += padded[:, start : start + channels]
    return sums


def _convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Return a convolution that preserves the size (up to the stride), followed by ReLU."""
    # Dilation has no effect on a 1x1 kernel, but with it PyTorch uses oneDNN's kernel for every batch size and number
    # of threads. Otherwise one thread with a small batch uses another kernel, which sums in another order.
    dilation = 2 if kernel == 1 else 1
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, dilation=dilation)
    return nn.Sequential(convolution, nn.ReLU(inplace=True))


def _pool(stride: int) -> nn.MaxPool2d:
    return nn.MaxPool2d(3, stride, padding=1 if stride == 1 else 0, ceil_mode=True)


class Mixed(nn.Module):
    """Four branches of the same input, concatenated: [b, inputs, h, w] -> [b, widths.total, h, w]."""

    def __init__(self, inputs: int, widths: MixedWidths) -> None:
        super().__init__()
        self.branch_1x1 = _convolution(inputs, widths.one, 1)
        self.bottleneck_3x3 = _convolution(inputs, widths.three_bottleneck, 1)
        self.branch_3x3 = _convolution(widths.three_bottleneck, widths.three, 3)
        self.bottleneck_5x5 = _convolution(inputs, widths.five_bottleneck, 1)
        self.branch_5x5 = _convolution(widths.five_bottleneck, widths.five, 5)
        self.pool = _pool(stride=1)
        self.branch_pool = _convolution(inputs, widths.pool, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branches = (
            self.branch_1x1(x),
            self.branch_3x3(self.bottleneck_3x3(x)),
            self.branch_5x5(self.bottleneck_5x5(x)),
            self.branch_pool(self.pool(x)),
        )
        return torch.cat(branches, dim=1)


class InceptionV1(nn.Module):
    """The network: preprocessed images [b, 3, 224, 224] -> logits [b, classes]."""

    mixed3a: Mixed
    mixed3b: Mixed
    mixed4a: Mixed
    mixed4b: Mixed
    mixed4c: Mixed
    mixed4d: Mixed
    mixed4e: Mixed
    mixed5a: Mixed
    mixed5b: Mixed

    def __init__(
        self, widths: dict[str, MixedWidths], norms: tuple[LocalResponseNorm, LocalResponseNorm], classes: int
    ) -> None:
        super().__init__()
        self.conv2d0 = _convolution(3, 64, 7, stride=2)
        self.pool0 = _pool(stride=2)
        self.norm0, self.norm1 = norms
        self.conv2d1 = _convolution(64, 64, 1)
        self.conv2d2 = _convolution(64, 192, 3)
        self.pool1 = _pool(stride=2)
        inputs = 192
        for name in MIXED_LAYERS:
            self.add_module(f"mixed{name}", Mixed(inputs, widths[name]))
            inputs = widths[name].total
        self.pool3 = _pool(stride=2)
        self.pool4 = _pool(stride=2)
        self.average = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(inputs, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.norm0(self.pool0(self.conv2d0(x)))
        x = self.norm1(self.conv2d2(self.conv2d1(x)))
        x = self.mixed3b(self.mixed3a(self.pool1(x)))
        x = self.mixed4a(self.pool3(x))
        x = self.mixed4e(self.mixed4d(self.mixed4c(self.mixed4b(x))))
        x = self.mixed5b(self.mixed5a(self.pool4(x)))
        return self.classifier(self.average(x).flatten(1))


def bvlc() -> InceptionV1:
    """Return the network of Caffe's training: 1000 classes in sorted-synset order, normalisation over 5 channels."""
    norm0, norm1 = (LocalResponseNorm(size=5, alpha=1e-4, beta=0.75, k=1.0) for _ in range(2))
    return InceptionV1(BVLC_WIDTHS, (norm0, norm1), classes=1000)


def lucid(norms: tuple[LocalResponseNorm, LocalResponseNorm]) -> InceptionV1:
    """Return the network of the circuits thread's training: 1008 outputs, other widths of two layers, "SAME" padding.

    TensorFlow's "SAME" pads the first convolution by 2 pixels before and 3 after. The pools are padded at the end only,
    as ceil mode does for the even sizes that result from a 224-pixel image.
    """
    network = InceptionV1(LUCID_WIDTHS, norms, classes=1008)
    network.conv2d0 = nn.Sequential(nn.ZeroPad2d((2, 3, 2, 3)), nn.Conv2d(3, 64, 7, 2), nn.ReLU(inplace=True))
    return network


def layer_modules() -> dict[str, tuple[str, int]]:
    """Return {layer name: (submodule, index of its call) whose output is the layer}, in network order."""
    modules = {name: (name, 0) for name in ("conv2d0", "conv2d1", "conv2d2")}
    for mixed in MIXED_LAYERS:
        modules[f"mixed{mixed}"] = (f"mixed{mixed}", 0)
        modules |= {f"mixed{mixed}_{branch}": (f"mixed{mixed}.branch_{branch}", 0) for branch in BRANCHES}
    return modules


def caffe_names() -> dict[str, str]:
    """Return {parameter prefix in Caffe's naming: submodule here with the convolution or classifier}."""
    names = {"conv1_7x7_s2": "conv2d0.0", "conv2_3x3_reduce": "conv2d1.0", "conv2_3x3": "conv2d2.0"}
    names["loss3_classifier"] = "classifier"
    parts = {
        "1x1": "branch_1x1",
        "3x3_reduce": "bottleneck_3x3",
        "3x3": "branch_3x3",
        "5x5_reduce": "bottleneck_5x5",
        "5x5": "branch_5x5",
        "pool_proj": "branch_pool",
    }
    for mixed in MIXED_LAYERS:
        names |= {f"inception_{mixed}_{caffe}": f"mixed{mixed}.{ours}.0" for caffe, ours in parts.items()}
    return names


def tensorflow_names() -> dict[str, str]:
    """Return {parameter prefix in inception5h's naming: submodule here with the convolution or classifier}."""
    names = {"conv2d0": "conv2d0.1", "conv2d1": "conv2d1.0", "conv2d2": "conv2d2.0", "softmax2": "classifier"}
    parts = {
        "1x1": "branch_1x1",
        "3x3_bottleneck": "bottleneck_3x3",
        "3x3": "branch_3x3",
        "5x5_bottleneck": "bottleneck_5x5",
        "5x5": "branch_5x5",
        "pool_reduce": "branch_pool",
    }
    for mixed in MIXED_LAYERS:
        names |= {f"mixed{mixed}_{theirs}": f"mixed{mixed}.{ours}.0" for theirs, ours in parts.items()}
    return names
