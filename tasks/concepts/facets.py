"""Faceted feature visualisation: images of one unit, each steered towards one kind of image (Goh et al. 2021).

With g a lower layer and f∘g the unit, an image x maximises f(g(x)) + w · (g(x) ⊙ ∇f(g(x))). Here w is a linear probe
that separates a facet's images from generic ones at the lower layer: a CAV of average-pooled activations. g ⊙ ∇f is the
contribution of each channel to the unit, so the second term rewards contributions from the channels of the facet.

∇f(g(x)) counts as constant within a step, as in their code. The gradient at g is then (1 + w) ⊙ ∇f(g(x)): the second
term multiplies the plain visualisation's gradient by a gain for each channel, at no further cost. [ours]

`tasks.vision.visualise` describes directions. For a class's logit, up to its bias, the direction is the classifier's
row at the last layer before the average over positions, with objective `channel`.

Seen on inceptionv1-bvlc, facets at mixed4a: of mixed4d's channels, dots, zigzags and corgis show at a weight of 2.
Stripes, in a channel that prefers curves, show only at 4, where half of the unit's activation or more may be lost. A
facet to which the unit does not respond (dots, for the class zebra) hardly shows at any weight, and less still with
facets at mixed4c.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, fx

from tasks.concepts.cav import Cav, layer_activations
from tasks.errors import UserError
from tasks.progress import Progress, silent
from tasks.vision.graph import cut
from tasks.vision.network import Network
from tasks.vision.visualise import VisualisationConfig, module_and_side, objective_of_images, optimised, unit_directions


class FacetConfig(VisualisationConfig):
    """How faceted images are optimised."""

    weight: float = Field(
        2.0,
        ge=0,
        le=1e6,
        description="weight of the facet, whose probe has a root mean square of 1 over the channels; 0: plain images",
    )


def facet_visualisations(
    network: Network,
    layer_name: str,
    direction_c: Tensor,
    facet_layer_name: str,
    probes: Sequence[Cav],
    config: FacetConfig = FacetConfig(),
    progress: Progress = silent,
) -> Tensor:
    """Optimise images [facets + 1, 3, s, s], RGB in [0, 1], of a layer's direction: one per facet, then a plain one.

    probes: CAVs of average-pooled activations of the facet layer, each facet's images against generic ones. Each is
    scaled to a root mean square of 1, so that a weight means the same for any number of channels. [ours]
    All images have the same start and the same transformations, so that only their facets differ.
    UserError for an unknown layer, for a facet layer that does not lead to the unit's layer, and for a direction or
    probe that does not fit its layer.
    """
    directions_1c = unit_directions(network, layer_name, direction_c[None])
    probes_fc = _stacked(network, facet_layer_name, probes)
    lower, upper, side = split_at_facet_layer(network, layer_name, facet_layer_name, config)

    def objective(seen_bcyx: Tensor, gains_bc: Tensor) -> Tensor:
        acts_bcyx, *others = lower(network.preprocess(seen_bcyx))
        acts_bcyx.register_hook(lambda slope_bcyx: gains_bc[:, :, None, None] * slope_bcyx)
        return objective_of_images(upper(acts_bcyx, *others), directions_1c.expand(len(acts_bcyx), -1), config).sum()

    scaled_fc = probes_fc / probes_fc.square().mean(1, keepdim=True).sqrt()
    gains_fc = 1 + config.weight * F.pad(scaled_fc, (0, 0, 0, 1))  # the plain image has a probe of zeros
    return optimised(objective, gains_fc, side, config, progress)


def split_at_facet_layer(
    network: Network, layer_name: str, facet_layer_name: str, config: FacetConfig
) -> tuple[fx.GraphModule, fx.GraphModule, int]:
    """Return the module up to the facet layer, the module from there to the layer, and the input's side in pixels.

    UserError for an unknown layer, and for a facet layer that does not lead to the other layer.
    """
    module, side = module_and_side(network, layer_name, config)
    node = network.node(facet_layer_name)
    if facet_layer_name == layer_name or node not in {module_node.name for module_node in module.graph.nodes}:
        raise UserError(
            f"facet layer {facet_layer_name} of {network.name} does not lead to {layer_name}: choose one below it"
        )
    return *cut(module, node), side


def probe_separation(
    network: Network, layer_name: str, probes: Sequence[Cav], frames_ncyx: Tensor
) -> tuple[Tensor, Tensor]:
    """Return probe logits [probes, n] of images, and distances [n, n] between them, at a layer. [ours]

    frames_ncyx: uint8. A logit is vector · acts + intercept of the layer's average-pooled activations, in their units;
    compare logits between images, along a row. A distance is 1 − cosine of those activations, so the position of a
    texture in the image hardly counts. At the facet layer the logits show whether the optimisation reached its
    objective; at another layer, with probes of its own, whether the facet shows beyond that.
    """
    acts_nc = layer_activations(network, layer_name, frames_ncyx, "mean")
    intercept_f1 = torch.tensor([[probe.intercept] for probe in probes])
    logits_fn = _stacked(network, layer_name, probes) @ acts_nc.T + intercept_f1
    return logits_fn, 1 - F.cosine_similarity(acts_nc[:, None], acts_nc[None], dim=2)


def _stacked(network: Network, layer_name: str, probes: Sequence[Cav]) -> Tensor:
    """Return the probes' vectors [probes, channels]. UserError for no probe, or one that does not fit the layer."""
    channels = network.layer(layer_name).channels
    if not probes:
        raise UserError("no facets: give one probe or more")
    for index, probe in enumerate(probes):
        if probe.vector_d.shape != (channels,):
            raise UserError(
                f"probe {index} of shape {list(probe.vector_d.shape)} doesn't fit {network.name} {layer_name}: "
                f"fit it to average-pooled activations, [{channels}]"
            )
    return torch.stack([probe.vector_d for probe in probes])
