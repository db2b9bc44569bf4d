"""The names of networks and layers that forms offer, without PyTorch. Other names are valid too."""

from typing import Annotated

from tasks.config import choices, several_choices

NETWORKS = (
    "efficientnet_lite0",
    "efficientnet_lite1",
    "inceptionv1-bvlc",
    "inceptionv1-lucid",
    "inceptionv1-torchvision",
    "gabor-bank",
)
"""The built-in networks."""
LITE0_LAYERS = (
    "stem",
    *("block0_depthwise", "block0"),
    *(f"block{block}{part}" for block in range(1, 16) for part in ("_expand", "_depthwise", "")),
    "head",
)
"""The layers of efficientnet_lite0, the default network, from input to output."""

NetworkName = Annotated[str, choices("built in", NETWORKS, "torchvision:…, timm:… or module:…")]
LayerName = Annotated[str, choices("layer of efficientnet_lite0", LITE0_LAYERS, "layer of another network")]
LayerNameOrNone = Annotated[
    str | None, choices("layer of efficientnet_lite0", LITE0_LAYERS, "layer of another network", "no layer")
]
LayerNames = Annotated[
    tuple[str, ...], several_choices("layers of efficientnet_lite0", LITE0_LAYERS, "layers of another network")
]
