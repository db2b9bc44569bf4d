"""Choose how activations of single units are computed from the patch around them."""

from typing import Protocol

from torch import Tensor

from tasks.activations.cones import ConeExtractor
from tasks.activations.input_frames import FrameExtractor
from tasks.activations.patches import PatchExtractor
from tasks.activations.unit_patches import AT_RECEPTIVE_FIELD, UnitPatch
from tasks.vision.network import Network


class Extractor(Protocol):
    """Map patches [b, 3, side, side], RGB float32 in [0, 1], to activations [b, channels] of one unit.

    method: cone, patch or frame; side: of the patches, pixels
    """

    method: str
    side: int
    channels: int

    def __call__(self, patches_bchw: Tensor) -> Tensor:
        """Return the activations. Raises ValueError for patches of another side."""


class OffCentreExtractor:
    """Take patches whose centre is not the receptive field's; the receptive field is cut out of them."""

    def __init__(self, extractor: Extractor, patch: UnitPatch) -> None:
        self.extractor, self.method, self.channels = extractor, extractor.method, extractor.channels
        self.side, self.receptive_field = patch.side, patch.receptive_field

    def __call__(self, patches_bchw: Tensor) -> Tensor:
        """Return the activations. Raises ValueError if the patches don't have the extractor's side."""
        if patches_bchw.shape[2:] != (self.side, self.side):
            raise ValueError(f"patches are {tuple(patches_bchw.shape[2:])}, not {self.side} x {self.side}")
        rows, columns = self.receptive_field
        return self.extractor(patches_bchw[:, :, rows, columns])


def unit_extractor(network: Network, layer_name: str, centre: tuple[int, int] = AT_RECEPTIVE_FIELD) -> Extractor:
    """Return the extractor for one unit of a layer.

    An exact cone where the unit depends on its receptive field alone, the patch fallback where a cone can't be built,
    and the whole network on a whole input where the unit depends on more (attention, squeeze-and-excitation), or where
    its receptive field is larger than the network's input.

    centre: whole pixels (y, x) from the receptive field's centre to the patches' centre, as in `UnitPatch`, whose side
    the patches have. Raises UserError for an unknown layer.
    """
    extractors: dict[str, type[ConeExtractor] | type[PatchExtractor] | type[FrameExtractor]] = {
        "cone": ConeExtractor,
        "patch": PatchExtractor,
        "frame": FrameExtractor,
    }
    extractor = extractors[network.extraction(layer_name)](network, layer_name)
    if centre == AT_RECEPTIVE_FIELD:
        return extractor
    return OffCentreExtractor(extractor, UnitPatch(network.layer(layer_name).within(network.input_size), centre))
