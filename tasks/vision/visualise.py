"""Feature visualisation: images optimised for a direction in a layer's channel space.

After Olah, Mordvintsev & Schubert 2017 ("Feature Visualization"; their library is Lucid): an image is parametrised by
its Fourier coefficients in decorrelated colours, and turned, scaled and shifted a little before each step, so that what
is found stays found however the image lies. What is ours: all three transforms are one resampling onto just the pixels
that the network needs, and a unit is computed by its exact cone and not by the whole frame.

What to give as a direction:
* a neuron or a channel: its one-hot row; for what quiets it, the negative of that;
* a dictionary's feature: its row of encoder.weight. The feature's activation is made of it (f = act(W_enc x + b)), so
  the picture shows what makes the feature fire, as its top patches do; its decoder row is what it writes in reply.
* a point of the layer's space: itself, with a `cosine_power` (feature inversion, methods §6). The image's activations
  then grow towards the point and not merely far along it.
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
from tasks.vision.graph import cone, prefix
from tasks.vision.networks import Network

COLOURS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))
"""RGB by decorrelated colour, about brightness, blue-yellow, green-magenta: square root of the covariance of
ImageNet's pixels, as Lucid has it."""
START = 0.01
"""Standard deviation of the first coefficients, in a spectrum that is white but for the fall-off: nearly grey."""
SILENT_SLOPE = 0.1
"""Of the gradient through the layer's own ReLUs where they are silent: enough to wake a unit (Adam sees no lengths),
little beside a channel that is active. [ours]"""
LEAST_COSINE = 0.1
"""What a smaller cosine counts as: an image that lies across its direction is still pulled along it. Lucid's."""
IMAGES_AT_ONCE = 32
"""Images optimised side by side; bounds the memory."""


class VisualisationConfig(Config):
    """How images are optimised."""

    objective: Literal["unit", "channel"] = Field(
        "unit", description="maximise the unit in the middle, or the mean over all positions"
    )
    channel_size: int = Field(
        128, ge=32, le=1024, description="side of a channel's picture, pixels; a unit's is what it sees"
    )
    steps: Whole = Field(128, ge=1, description="optimiser steps")
    learning_rate: float = Field(0.0125, gt=0, le=1e3, description="Adam's, on Fourier coefficients")
    jitter: float = Field(0.04, ge=0, le=0.25, description="each step shifts by at most this share of the side")
    scale: float = Field(0.1, ge=0, le=0.5, description="each step enlarges or shrinks by at most this share")
    rotate: float = Field(10.0, ge=0, le=45, description="each step turns by at most so many degrees")
    cosine_power: float = Field(
        0,
        ge=0,
        le=8,
        description="activations are to lie along the direction alone: the objective times their cosine, to this power",
    )
    seed: Seed = Field(0, description="draws the first image and the transforms")


def visualise(
    network: Network,
    layer_name: str,
    directions_nc: Tensor,
    config: VisualisationConfig = VisualisationConfig(),
    progress: Progress = silent,
) -> Tensor:
    """Images [n, 3, s, s], RGB in [0, 1], each raising direction · activations of a layer as far as it can.

    What is raised is (direction · acts) · max(cos(direction, acts), LEAST_COSINE) ** cosine_power, as Lucid has it.
    directions_nc: [n, channels]; their lengths don't matter. s: `channel_size`, or what a unit sees, and of that no
    more than the network's input. All images start alike and are transformed alike, so an image hangs neither on its
    place nor on its neighbours (up to rounding), and equal calls give equal bits on one machine and number of threads.
    UserError for an unknown layer, and for directions that don't fit the layer, are zero or not finite.
    """
    directions_nc = unit_directions(network, layer_name, directions_nc)
    module, side = what_it_sees(network, layer_name, config)

    def objective(seen_bcyx: Tensor, directions_bc: Tensor) -> Tensor:
        return raised(module(network.preprocess(seen_bcyx)), directions_bc, config).sum()

    return optimised(objective, directions_nc, side, config, progress)


def unit_directions(network: Network, layer_name: str, directions_nc: Tensor) -> Tensor:
    """The directions at length 1. UserError for an unknown layer, and what doesn't fit it, is zero or not finite."""
    layer = network.layer(layer_name)
    if directions_nc.ndim != 2 or directions_nc.shape[1] != layer.channels:
        raise UserError(
            f"directions of shape {list(directions_nc.shape)} don't fit {network.name} {layer_name}: "
            f"give [directions, {layer.channels}]"
        )
    norm_n1 = directions_nc.norm(dim=1, keepdim=True)
    useless_n = ~(norm_n1.isfinite() & (norm_n1 > 0))[:, 0]
    if useless_n.any():
        which = useless_n.nonzero()[0].item()
        raise UserError(f"direction {which} of {network.name} {layer_name} is zero or not finite: leave it out")
    return directions_nc / norm_n1


def raised(acts_bcyx: Tensor, directions_bc: Tensor, config: VisualisationConfig) -> Tensor:
    """What a plain visualisation raises, [b]: of the layer's activations and directions of length 1."""
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
    """Images [n, 3, side, side], RGB in [0, 1], one for each row of aims_nd, that raise an objective.

    objective: of some images as they are seen [b, 3, side, side] and of their aims [b, d]; the sum over the images.
    """
    images, total = [], config.steps * len(aims_nd)
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


def what_it_sees(network: Network, layer_name: str, config: VisualisationConfig) -> tuple[fx.GraphModule, int]:
    """What computes the layer, or one unit of it, from a square of so many pixels."""
    node, seen = network.node(layer_name), network.layer(layer_name).receptive_field
    if config.objective == "channel":
        return _leaking(prefix(network.module, node)), config.channel_size
    if seen <= network.input_size and (unit := cone(network.module, node)) is not None:
        return _leaking(unit), seen
    return _leaking(prefix(network.module, node)), min(seen, network.input_size)


def _leaking(module: fx.GraphModule) -> fx.GraphModule:
    """The same module, whose last ReLUs let a gradient through where they are silent (or, ReLU6, full).

    A unit that is silent on the first, nearly grey image would stay so, and what quiets a unit would not show once it
    is quiet. [ours; Lucid redirects all ReLUs' gradients in the first steps]
    """
    graph = module.graph
    last = next(node for node in graph.nodes if node.op == "output").args[0]
    for node in last.all_input_nodes if last.target is torch.cat else [last]:
        function = module.get_submodule(node.target) if node.op == "call_module" else node.target
        if not (isinstance(function, nn.ReLU | nn.ReLU6) or function in (F.relu, F.relu6)):
            continue
        before = node.args[0]
        with graph.inserting_before(node):  # what works in place must not overwrite what is still needed
            node.replace_input_with(before, graph.call_method("clone", (before,)))
        with graph.inserting_after(node):
            leaking = graph.call_function(_leak, (node, before))
        node.replace_all_uses_with(leaking, delete_user_cb=lambda user, leaking=leaking: user is not leaking)
    module.recompile()
    return module


def _leak(activated: Tensor, before: Tensor) -> Tensor:
    """`activated`, with a gradient to `before` besides its own."""
    return activated + SILENT_SLOPE * (before - before.detach())


class _Painting:
    """Images [b, 3, s, s] by their Fourier coefficients, on a canvas that holds what any transform may show."""

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
        """[b, 3, canvas, canvas] RGB in [0, 1]."""
        spectrum_bcyx = torch.view_as_complex(self.coefficients * self.fall_off_yx1)
        planes_bcyx = torch.fft.irfft2(spectrum_bcyx, s=(self.canvas, self.canvas), norm="ortho")
        return torch.einsum("rc,bcyx->bryx", self.colours, planes_bcyx).sigmoid()

    @torch.no_grad()
    def middle(self) -> Tensor:
        margin = (self.canvas - self.side) // 2
        return self.whole()[..., margin : margin + self.side, margin : margin + self.side].contiguous()

    def transformed(self) -> Tensor:
        """[b, 3, s, s]: all turned, scaled and shifted alike, as the next draw says."""
        config = self.config
        turn, zoom, right, down = (2 * torch.rand(4, generator=self.generator) - 1).tolist()
        angle, zoom = math.radians(config.rotate * turn), 1 + config.scale * zoom
        cosine, sine = math.cos(angle) / zoom, math.sin(angle) / zoom
        # in half canvases, the unit of grid_sample
        shrink, shift = (self.side - 1) / (self.canvas - 1), 2 * config.jitter * self.side / (self.canvas - 1)
        rows = [[cosine * shrink, -sine * shrink, shift * right], [sine * shrink, cosine * shrink, shift * down]]
        grid_1yx2 = F.affine_grid(torch.tensor([rows]), [1, 1, self.side, self.side], align_corners=True)
        whole_bcyx = self.whole()
        # all images ride as channels of one, so that the grid's weights are worked out once
        seen = F.grid_sample(whole_bcyx.flatten(0, 1)[None], grid_1yx2, align_corners=True)
        return seen[0].unflatten(0, whole_bcyx.shape[:2])


def canvas_side(side: int, config: VisualisationConfig) -> int:
    """Smallest side, of the same parity, from which no transform shows anything beyond."""
    angle = math.radians(config.rotate)
    reach = side * ((math.cos(angle) + math.sin(angle)) / (1 - config.scale) + 2 * config.jitter)
    return math.ceil(reach) + (math.ceil(reach) - side) % 2


def spectrum(side: int) -> Tensor:
    """[side, side // 2 + 1] factors 1 / frequency of the Fourier coefficients of natural images (amplitude ∝ 1 / f)."""
    frequency_yx = torch.hypot(torch.fft.fftfreq(side)[:, None], torch.fft.rfftfreq(side)[None])
    return 1 / frequency_yx.clamp_min(1 / side)
