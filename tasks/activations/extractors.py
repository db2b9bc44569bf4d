"""Choose how activations of single units are computed from the patch in their receptive field."""

from tasks.activations.cones import ConeExtractor
from tasks.activations.patches import PatchExtractor
from tasks.errors import UserError
from tasks.vision.graph import cone
from tasks.vision.networks import Network


def unit_extractor(network: Network, layer_name: str) -> ConeExtractor | PatchExtractor:
    """Return the extractor for one unit of a layer: an exact cone where possible, else the patch fallback.

    The extractor maps patches [b, 3, side, side], RGB float32 in [0, 1], to activations [b, channels]; `side` is the
    layer's receptive field in pixels, `method` is "cone" or "patch". Raises UserError for an unknown layer, and for one
    whose receptive field is larger than the network's input, since there padding reaches every unit.
    """
    layer = network.layer(layer_name)
    if layer.receptive_field > network.input_size:
        raise UserError(
            f"the receptive field of {network.name} {layer_name}, {layer.receptive_field} pixels, is larger than the "
            f"network's input, {network.input_size}: choose an earlier layer"
        )
    if cone(network.module, network.node(layer_name)) is None:
        return PatchExtractor(network, layer_name)
    return ConeExtractor(network, layer_name)
