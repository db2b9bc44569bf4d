"""Faceted feature visualisation: one unit, as each of several kinds of image shows it (Goh et al. 2021).

With g a lower layer and f∘g the unit, an image x is to raise f(g(x)) + w · (g(x) ⊙ ∇f(g(x))), where w is a linear probe
of a facet's images against generic ones at the lower layer: a CAV of average-pooled activations. g ⊙ ∇f is what each
channel gives to the unit, so the second term asks for what those channels give that tell the facet.

∇f(g(x)) counts as constant within a step, as in their code. What flows back to g is then (1 + w) ⊙ ∇f(g(x)): the second
term is a gain for each channel on the plain visualisation's gradient, and costs nothing. [ours]

What to give as a direction: see `tasks.vision.visualise`. For a class's logit, up to its bias: the classifier's row, as
a direction of the last layer before the average over positions, with objective `channel`.

Seen on inceptionv1-bvlc, facets at mixed4a: of mixed4d's channels dots, zigzags and corgis show at a weight of 2, and
stripes, in a channel that likes curves, only at 4, where half the unit or more may be gone. What a unit has nothing of
(dots, in a zebra) hardly shows at any weight, and less still with facets at mixed4c.
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
from tasks.vision.networks import Network
from tasks.vision.visualise import VisualisationConfig, optimised, raised, unit_directions, what_it_sees


class FacetConfig(VisualisationConfig):
    """How faceted images are optimised."""

    weight: float = Field(
        2.0,
        ge=0,
        le=1e6,
        description="of the facet, whose probe has root mean square 1 over the channels; 0: plain images",
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
    """Images [facets + 1, 3, s, s], RGB in [0, 1], of one direction of a layer: each facet's, and last the plain one.

    probes: of average-pooled activations of the facet layer, each facet's images against generic ones. Each is scaled
    to a root mean square of 1, so that a weight means the same whatever the number of channels. [ours]
    All images start alike and are transformed alike, so that they differ by their facets alone.
    UserError for an unknown layer, a facet layer that does not lead to the unit's, and a direction or probe that does
    not fit its layer.
    """
    directions_1c = unit_directions(network, layer_name, direction_c[None])
    probes_fc = _stacked(network, facet_layer_name, probes)
    lower, upper, side = split_at_facet_layer(network, layer_name, facet_layer_name, config)

    def objective(seen_bcyx: Tensor, gains_bc: Tensor) -> Tensor:
        acts_bcyx, *others = lower(network.preprocess(seen_bcyx))
        acts_bcyx.register_hook(lambda slope_bcyx: gains_bc[:, :, None, None] * slope_bcyx)
        return raised(upper(acts_bcyx, *others), directions_1c.expand(len(acts_bcyx), -1), config).sum()

    scaled_fc = probes_fc / probes_fc.square().mean(1, keepdim=True).sqrt()
    gains_fc = 1 + config.weight * F.pad(scaled_fc, (0, 0, 0, 1))  # the plain image has a probe of zeros
    return optimised(objective, gains_fc, side, config, progress)


def split_at_facet_layer(
    network: Network, layer_name: str, facet_layer_name: str, config: FacetConfig
) -> tuple[fx.GraphModule, fx.GraphModule, int]:
    """What computes the facet layer, what the layer from there, from a square of so many pixels.

    UserError for an unknown layer, and a facet layer that does not lead to the other.
    """
    module, side = what_it_sees(network, layer_name, config)
    node = network.node(facet_layer_name)
    if facet_layer_name == layer_name or node not in {found.name for found in module.graph.nodes}:
        raise UserError(
            f"facet layer {facet_layer_name} of {network.name} does not lead to {layer_name}: choose one below it"
        )
    return *cut(module, node), side


def probe_separation(
    network: Network, layer_name: str, probes: Sequence[Cav], frames_ncyx: Tensor
) -> tuple[Tensor, Tensor]:
    """How far pictures can be told apart by a layer: [probes, n] logits of each, [n, n] distances between them. [ours]

    frames_ncyx: uint8. A logit is vector · acts + intercept of the layer's average-pooled activations, in their units:
    compare it between pictures, along a row. A distance is 1 − cosine of those activations: where in the picture a
    texture lies hardly counts. The layer that the facets were asked of tells whether the optimiser did as it was told;
    another one, with probes of its own, whether more came of it.
    """
    acts_nc = layer_activations(network, layer_name, frames_ncyx, "mean")
    intercept_f1 = torch.tensor([[probe.intercept] for probe in probes])
    logits_fn = _stacked(network, layer_name, probes) @ acts_nc.T + intercept_f1
    return logits_fn, 1 - F.cosine_similarity(acts_nc[:, None], acts_nc[None], dim=2)


def _stacked(network: Network, layer_name: str, probes: Sequence[Cav]) -> Tensor:
    """[probes, channels] vectors. UserError for none, and for one that is not of the layer's pooled activations."""
    channels = network.layer(layer_name).channels
    if not probes:
        raise UserError("no facets: give one probe or more")
    for which, probe in enumerate(probes):
        if probe.vector_d.shape != (channels,):
            raise UserError(
                f"probe {which} of shape {list(probe.vector_d.shape)} doesn't fit {network.name} {layer_name}: "
                f"fit it to average-pooled activations, [{channels}]"
            )
    return torch.stack([probe.vector_d for probe in probes])
