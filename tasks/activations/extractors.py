"""Activations of single units out of the patch they see: the way data enters the activation store."""

from tasks.activations.cones import ConeExtractor
from tasks.activations.patches import PatchExtractor
from tasks.errors import UserError
from tasks.vision.graph import cone
from tasks.vision.networks import Network


def unit_extractor(network: Network, layer_name: str) -> ConeExtractor | PatchExtractor:
    """What computes one unit of a layer from the patch it sees: an exact cone, or the patch fallback.

    The extractor maps patches [b, 3, side, side], RGB float32 in [0, 1], to activations [b, channels]; side is the
    layer's receptive field in pixels, method is "cone" or "patch".
    UserError for an unknown layer, and for one whose receptive field is larger than the network's input: there no unit
    is free of padding.
    """
    layer = network.layer(layer_name)
    if layer.receptive_field > network.input_size:
        raise UserError(
            f"a unit of {network.name} {layer_name} sees {layer.receptive_field} pixels, more than the input's "
            f"{network.input_size}: choose an earlier layer"
        )
    if cone(network.module, network.node(layer_name)) is None:
        return PatchExtractor(network, layer_name)
    return ConeExtractor(network, layer_name)
