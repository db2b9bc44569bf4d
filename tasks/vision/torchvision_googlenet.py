"""torchvision's GoogLeNet: InceptionV1 with batch normalisation, a separate training with downloaded weights.

Its unit numbers don't correspond to those of the other InceptionV1 trainings. The branch named 5x5 here, as in the
paper, has a 3x3 kernel.
"""

from pathlib import Path
from urllib.parse import urlparse

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models import GoogLeNet, GoogLeNet_Weights
from torchvision.models.googlenet import BasicConv2d

from tasks.vision.inception_v1 import BRANCHES, MIXED_LAYERS

URL = GoogLeNet_Weights.IMAGENET1K_V1.url
WEIGHTS_FILE = Path(urlparse(URL).path).name
SHA256_PREFIX = Path(WEIGHTS_FILE).stem.rpartition("-")[2]
"""The first digits of the SHA-256, which torchvision puts into the file's name; the other digits aren't published."""


def googlenet(state: dict[str, torch.Tensor]) -> nn.Module:
    """Return the network with the weights `state`: preprocessed images [b, 3, 224, 224] -> logits [b, 1000].

    Batch normalisation is folded into the convolutions.
    """
    network = GoogLeNet(aux_logits=False, transform_input=False, init_weights=False)
    network.load_state_dict({name: tensor for name, tensor in state.items() if not name.startswith("aux")})
    network.eval()
    for module in network.modules():
        if isinstance(module, BasicConv2d):
            module.conv = fuse_conv_bn_eval(module.conv, module.bn)
            module.bn = nn.Identity()
    return network


def layer_modules() -> dict[str, tuple[str, int]]:
    """Return {layer name: (submodule, index of its call) whose output is the layer}, in network order."""
    modules = {f"conv2d{index}": (f"conv{index + 1}", 0) for index in range(3)}
    for mixed in MIXED_LAYERS:
        modules[f"mixed{mixed}"] = (f"inception{mixed}", 0)
        for index, branch in enumerate(BRANCHES, start=1):
            modules[f"mixed{mixed}_{branch}"] = (f"inception{mixed}.branch{index}", 0)
    return modules
