"""Names without PyTorch: the networks and layers that forms offer (others are valid too), and drawn stimuli."""

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

LINES, FILLS = ("dark line", "light line"), ("dark fill", "light fill")
RENDERINGS = LINES + FILLS
"""How a stimulus is drawn (tasks/vision/stimuli.py)."""

FAMILIES = ("arc", "line", "edge", "angle", "grating", "hatch", "centre-surround", "colour")
"""The families of drawn stimuli."""
TYPE_OF_FAMILY = {family: {"arc": "curve"}.get(family, family) for family in FAMILIES}
"""{family of stimuli: stimulus type of a unit that responds to it most}."""
STIMULUS_TYPES = (*TYPE_OF_FAMILY.values(), "mixed", "other")
