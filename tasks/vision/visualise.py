"""Feature visualisation: optimise images for a direction in a layer's channel space.

After Olah, Mordvintsev & Schubert 2017 ("Feature Visualization"; their library is Lucid). An image is parametrised by
its Fourier coefficients in decorrelated colours. Before each step it is rotated, scaled and shifted a little, so that
the result is robust to these transforms. Ours: the three transforms are a single resampling of only the pixels that the
network needs, and a unit is computed by its exact cone instead of the whole frame.

Directions:
* a neuron or a channel: its one-hot vector; for an image that suppresses it, the negative of that
* a dictionary's feature: its row of encoder.weight. Since f = act(W_enc x + b), the image shows what makes the feature
  fire, as its top examples do. Its decoder row is what the feature contributes to the reconstruction instead.
* a point of the layer's space: the point itself, with a `cosine_power` (feature inversion, methods §6). The image's
  activations then get the direction of the point, and not only a large component along it.
"""

import math
from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, fx, nn

from tasks.config import Config, Seed, Whole
from tasks.errors import UserError
from tasks.progress import Progress, silent
from tasks.vision.graph import prefix
from tasks.vision.network import Network

COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
"""RGB (rows) by decorrelated colours (columns: roughly brightness, blue-yellow, green-magenta): square root of the
covariance of ImageNet's pixels, from Lucid."""
START = 0.01
"""Standard deviation of the initial coefficients, before the fall-off with frequency: a nearly grey image."""
SILENT_SLOPE = 0.1
"""Share of the gradient that passes the layer's last ReLUs where they are silent. It is enough to activate a silent
unit, since Adam ignores the gradient's length, and small compared with that of an active channel. [ours]"""
LEAST_COSINE = 0.1
"""Lower bound of the cosine in the objective, so that an image with a cosine ≤ 0 gets a gradient too; from Lucid."""
IMAGES_AT_ONCE = 32
"""Number of images optimised together; bounds the memory."""


class VisualisationConfig(Config):
    """The configuration of the optimisation."""

    objective: Literal["unit", "channel"] = Field(
        "unit", description="what is maximised: unit, the activation of the central unit; channel, the spatial mean"
    )
    channel_size: int = Field(
        128,
        ge=32,
        le=1024,
        description="side of the image in pixels for the objective channel; for unit it is the receptive field",
    )
    steps: Whole = Field(128, ge=1, description="optimiser steps")
    learning_rate: float = Field(0.0125, gt=0, le=1e3, description="learning rate of Adam for the Fourier coefficients")
    jitter: float = Field(0.04, ge=0, le=0.25, description="largest random shift per step, as a share of the side")
    scale: float = Field(0.1, ge=0, le=0.5, description="largest random change of scale per step, as a share")
    rotate: float = Field(10.0, ge=0, le=45, description="largest random rotation per step, in degrees")
    cosine_power: float = Field(
        0,
        ge=0,
        le=8,
        description="the objective is multiplied by this power of the cosine between activations and direction, "
        "which penalises other components; 0: no penalty",
    )
    seed: Seed = Field(0, description="random seed of the initial image and of the transforms")


def visualise(
    network: Network,
    layer_name: str,
    directions_nc: Tensor,
    config: VisualisationConfig = VisualisationConfig(),
    progress: Progress = silent,
) -> Tensor:
    """Optimise one image for each direction of a layer; returns images [n, 3, s, s], RGB in [0, 1].

    The objective is (direction · acts) · max(cos(direction, acts), LEAST_COSINE) ** cosine_power, as in Lucid.

    directions_nc: [n, channels]; their lengths don't matter. s: `channel_size`, or the receptive field of a unit, but
    at most the network's input. All images have the same start and the same transforms, so an image doesn't depend on
    the other directions (up to rounding). Equal calls give equal bits on one machine with the same number of threads.
    Raises UserError for an unknown layer, and for directions that don't fit the layer, are zero or not finite.
    """
    directions_nc = unit_directions(network, layer_name, directions_nc)
    module, side = module_and_side(network, layer_name, config)

    def objective(images_bcyx: Tensor, directions_bc: Tensor) -> Tensor:
        return objective_of_images(module(network.preprocess(images_bcyx)), directions_bc, config).sum()

    return optimised(objective, directions_nc, side, config, progress)


def unit_directions(network: Network, layer_name: str, directions_nc: Tensor) -> Tensor:
    """Return the directions normalised to length 1, [n, channels].

    Raises UserError for an unknown layer, and for directions that don't fit the layer, are zero or not finite.
    """
    layer = network.layer(layer_name)
    if directions_nc.ndim != 2 or directions_nc.shape[1] != layer.channels:
        raise UserError(
            f"directions of shape {list(directions_nc.shape)} don't fit {network.name} {layer_name}: "
            f"give [directions, {layer.channels}]"
        )
    norm_n1 = directions_nc.norm(dim=1, keepdim=True)
    invalid_n = ~(norm_n1.isfinite() & (norm_n1 > 0))[:, 0]
    if invalid_n.any():
        index = invalid_n.nonzero()[0].item()
        raise UserError(f"direction {index} of {network.name} {layer_name} is zero or not finite: leave it out")
    return directions_nc / norm_n1


def objective_of_images(acts_bcyx: Tensor, directions_bc: Tensor, config: VisualisationConfig) -> Tensor:
    """Return the objective of `visualise` per image, [b], from the layer's activations and directions of length 1."""
    height, width = acts_bcyx.shape[2:]
    unit = acts_bcyx[:, :, height // 2, width // 2]
    acts_bc = unit if config.objective == "unit" else acts_bcyx.mean((2, 3))
    along_b = (acts_bc * directions_bc).sum(1)
    cosine_b = F.cosine_similarity(acts_bc, directions_bc).clamp_min(LEAST_COSINE)
    return along_b * cosine_b**config.cosine_power


def optimised(
    objective: Callable[[Tensor, Tensor], Tensor],
    aims_nd: Tensor,
    side: int,
    config: VisualisationConfig,
    progress: Progress = silent,
) -> Tensor:
    """Optimise one image for each row of aims_nd; returns images [n, 3, side, side], RGB in [0, 1].

    objective: function from transformed images [b, 3, side, side] and their aims [b, d] to the sum of the images'
    objectives, which is maximised. progress counts optimiser steps.
    """
    images: list[Tensor] = []
    total = config.steps * len(aims_nd)
    for aims_bd in aims_nd.split(IMAGES_AT_ONCE):
        done = config.steps * sum(map(len, images))
        painting = _Painting(len(aims_bd), side, config)
        optimiser = torch.optim.Adam([painting.coefficients], lr=config.learning_rate)
        for step in range(config.steps):
            optimiser.zero_grad()
            (-objective(painting.transformed(), aims_bd)).backward()
            optimiser.step()
            progress(done + (step + 1) * len(aims_bd), total)
        images.append(painting.middle())
    return torch.cat(images)


def module_and_side(network: Network, layer_name: str, config: VisualisationConfig) -> tuple[fx.GraphModule, int]:
    """Return the module that computes the layer, or one unit of it, and the side of its input image in pixels."""
    node, field = network.node(layer_name), network.layer(layer_name).receptive_field
    if config.objective == "channel":
        side = config.channel_size if network.any_size(layer_name) else network.input_size
        return _leaking(prefix(network.module, node)), side
    if (unit := network.cone(layer_name)) is not None:
        return _leaking(unit), field
    return _leaking(prefix(network.module, node)), min(field, network.input_size)


def _leaking(module: fx.GraphModule) -> fx.GraphModule:
    """Make the module's last ReLUs pass a share of the gradient where they are silent (or, for ReLU6, saturated).

    Otherwise a unit that is silent on the initial, nearly grey image would stay silent, and an image that suppresses a
    unit would stop changing once the unit is silent. [ours; Lucid redirects the gradients of all ReLUs in the first
    steps]
    """
    graph = module.graph
    last = next(node for node in graph.nodes if node.op == "output").args[0]
    for node in last.all_input_nodes if last.target is torch.cat else [last]:
        function = module.get_submodule(node.target) if node.op == "call_module" else node.target
        if not (isinstance(function, nn.ReLU | nn.ReLU6) or function in (F.relu, F.relu6)):
            continue
        before = node.args[0]
        with graph.inserting_before(node):  # an in-place ReLU must not overwrite its input, which is needed below
            node.replace_input_with(before, graph.call_method("clone", (before,)))
        with graph.inserting_after(node):
            leaking = graph.call_function(_leak, (node, before))
        node.replace_all_uses_with(leaking, delete_user_cb=lambda user, leaking=leaking: user is not leaking)
    module.recompile()
    return module


def _leak(activated: Tensor, before: Tensor) -> Tensor:
    """Return `activated`, with an additional gradient to `before`."""
    return activated + SILENT_SLOPE * (before - before.detach())


class _Painting:
    """Images [b, 3, s, s] by their Fourier coefficients, on a canvas that is large enough for every transform."""

    def __init__(self, images: int, side: int, config: VisualisationConfig) -> None:
        self.side, self.config = side, config
        self.generator = torch.Generator().manual_seed(config.seed)
        self.canvas = canvas_side(side, config)
        frequencies = spectrum(self.canvas)
        first = START * torch.randn(1, 3, *frequencies.shape, 2, generator=self.generator)
        self.coefficients = first.repeat(images, 1, 1, 1, 1).requires_grad_()
        self.fall_off_yx1 = frequencies[..., None]
        colours = torch.tensor(COLOURS)
        self.colours = colours / colours.norm(dim=0).max()

    def whole(self) -> Tensor:
        """Return the images on the whole canvas, [b, 3, canvas, canvas], RGB in [0, 1]."""
        spectrum_bcyx = torch.view_as_complex(self.coefficients * self.fall_off_yx1)
        planes_bcyx = torch.fft.irfft2(spectrum_bcyx, s=(self.canvas, self.canvas), norm="ortho")
        return torch.einsum("rc,bcyx->bryx", self.colours, planes_bcyx).sigmoid()

    @torch.no_grad()
    def middle(self) -> Tensor:
        margin = (self.canvas - self.side) // 2
        return self.whole()[..., margin : margin + self.side, margin : margin + self.side].contiguous()

    def transformed(self) -> Tensor:
        """Return the images [b, 3, s, s], all rotated, scaled and shifted by the same newly drawn amounts."""
        config = self.config
        rotation, zoom, right, down = (2 * torch.rand(4, generator=self.generator) - 1).tolist()
        angle, zoom = math.radians(config.rotate * rotation), 1 + config.scale * zoom
        cosine, sine = math.cos(angle) / zoom, math.sin(angle) / zoom
        # in units of half a canvas, as grid_sample needs them
        shrink, shift = (self.side - 1) / (self.canvas - 1), 2 * config.jitter * self.side / (self.canvas - 1)
        rows = [[cosine * shrink, -sine * shrink, shift * right], [sine * shrink, cosine * shrink, shift * down]]
        grid_1yx2 = F.affine_grid(torch.tensor([rows]), [1, 1, self.side, self.side], align_corners=True)
        whole_bcyx = self.whole()
        # all images are channels of one, so that the grid's bilinear weights are computed only once
        resampled = F.grid_sample(whole_bcyx.flatten(0, 1)[None], grid_1yx2, align_corners=True)
        return resampled[0].unflatten(0, whole_bcyx.shape[:2])


def canvas_side(side: int, config: VisualisationConfig) -> int:
    """Return the smallest side of the same parity for which every transform stays inside the canvas."""
    angle = math.radians(config.rotate)
    reach = side * ((math.cos(angle) + math.sin(angle)) / (1 - config.scale) + 2 * config.jitter)
    return math.ceil(reach) + (math.ceil(reach) - side) % 2


def spectrum(side: int) -> Tensor:
    """Return 1 / frequency of each Fourier coefficient, the spectrum of natural images, [side, side // 2 + 1]."""
    frequency_yx = torch.hypot(torch.fft.fftfreq(side)[:, None], torch.fft.rfftfreq(side)[None])
    return 1 / frequency_yx.clamp_min(1 / side)
