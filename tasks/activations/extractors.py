"""Choose how activations of single units are computed from the patch around them."""

from tasks.activations.cones import ConeExtractor
from tasks.activations.input_frames import FrameExtractor
from tasks.activations.patches import PatchExtractor
from tasks.vision.network import Network


def unit_extractor(network: Network, layer_name: str) -> ConeExtractor | PatchExtractor | FrameExtractor:
    """Return the extractor for one unit of a layer.

    An exact cone where the unit depends on its receptive field alone, the patch fallback where a cone can't be built,
    and the whole network on a whole input where the unit depends on more (attention, squeeze-and-excitation), or where
    its receptive field is larger than the network's input.

    The extractor maps patches [b, 3, side, side], RGB float32 in [0, 1], to activations [b, channels]; `side` is the
    receptive field of `layer.within(input_size)` in pixels, `method` is "cone", "patch" or "frame". Raises UserError
    for an unknown layer.
    """
    extractors: dict[str, type[ConeExtractor] | type[PatchExtractor] | type[FrameExtractor]] = {
        "cone": ConeExtractor,
        "patch": PatchExtractor,
        "frame": FrameExtractor,
    }
    return extractors[network.extraction(layer_name)](network, layer_name)
