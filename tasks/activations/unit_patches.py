"""The patch of the image that is cut out and transformed for one unit."""

from dataclasses import dataclass

import numpy as np

from tasks.errors import UserError
from tasks.symmetry.action import ROTATIONS, source_side
from tasks.symmetry.scales import ScaleRange
from tasks.symmetry.transformations import Transformations
from tasks.vision.network import Layer

AT_RECEPTIVE_FIELD = (0, 0)
"""The centre of a patch that has the receptive field in its middle."""


@dataclass(frozen=True)
class UnitPatch:
    """The smallest square about a centre that contains a unit's receptive field.

    layer: as its units are extracted, so that its receptive field is at most the square that holds an input
    centre: whole pixels (y, x), y down, from the receptive field's centre to the patch's
    """

    layer: Layer
    centre: tuple[int, int] = AT_RECEPTIVE_FIELD

    @property
    def side(self) -> int:
        """Side in pixels; its parity is the receptive field's."""
        return self.layer.receptive_field + 2 * self._margin

    @property
    def _margin(self) -> int:
        return max(map(abs, self.centre))

    @property
    def receptive_field(self) -> tuple[slice, slice]:
        """The rows and columns of the patch that are the receptive field."""
        y, x = (slice(first := self._margin - shift, first + self.layer.receptive_field) for shift in self.centre)
        return y, x

    def centres(self, units: np.ndarray) -> np.ndarray:
        """Return the frame's pixel (y, x) at the patch's centre for units (row, column), [..., 2].

        Of two central pixels, it is the later.
        """
        layer = self.layer
        return layer.offset + layer.stride * units + layer.receptive_field // 2 + np.array(self.centre)

    def units(self, centres: np.ndarray) -> np.ndarray:
        """Return the units (row, column) whose patches have these centres (y, x), [..., 2]; inverse of `centres`."""
        layer = self.layer
        return (centres - np.array(self.centre) - layer.receptive_field // 2 - layer.offset) // layer.stride

    def admissible_units(
        self, frame_size: int, transformations: Transformations = ROTATIONS
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows and the columns of units whose source patch lies inside the frame.

        The source patch has the side source_side(side, transformations) and the patch's centre, so that the patch can
        be transformed in it. Raises UserError if there is no such unit.
        """
        layer, side = self.layer, source_side(self.side, transformations)
        # the first pixel of unit 0's source patch along each axis, and the first unit whose patch begins in the frame
        starts = [layer.offset + shift - (side - layer.receptive_field) // 2 for shift in self.centre]
        firsts = [max(0, -(start // layer.stride)) for start in starts]
        needed = max(layer.stride * first + start + side for first, start in zip(firsts, starts, strict=True))
        if frame_size < needed:
            doing, instead = "rotating it needs", ""
            if isinstance(transformations, ScaleRange):
                doing, instead = f"images shrunk to {transformations.smallest:.3g} need", " or lower octaves"
            elif transformations.transformations == "hue":
                doing = "the square about its centre has"
            raise UserError(
                f"the receptive field of {layer.name} has {layer.receptive_field} pixels, and {doing} {side}: "
                f"frames of {frame_size} pixels are too small, raise images.frame_size to at least {needed}{instead}"
            )
        rows, columns = (
            np.arange(first, (frame_size - side - start) // layer.stride + 1)
            for first, start in zip(firsts, starts, strict=True)
        )
        return rows, columns


def patch_start(centre: int, side: int) -> int:
    """Return the first pixel, along one axis, of the patch of `side` pixels around a centre given by `centres`."""
    return centre - side // 2
