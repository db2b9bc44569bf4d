"""Gratings over the full range of orientation, spatial frequency, phase and colour: every combination is drawn once.

Source: ours (methods §6). Points are measured from the picture's centre, x right and y up; orientation is the
direction across the bars, counter-clockwise as displayed, 0° to the right. A grating's colour is a direction in the
plane of black-white and yellow-blue. The grating varies around mid grey along this direction, so that a colour rotated
by 180° exchanges the bars, as half a period of phase does.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars
import torch
from torch import Tensor

ORIENTATIONS, FREQUENCIES, PHASES, COLOURS = 12, 9, 8, 6
"""Number of values of each parameter, evenly spaced; frequencies on a logarithmic axis."""
FINEST = 1 / 3
"""Highest frequency in cycles per pixel; above it a bar would be hardly a pixel wide."""
SCHEMA = dict.fromkeys(("orientation", "frequency", "phase", "colour"), polars.Float64)
"""orientation: degrees in [0, 180); frequency: cycles per pixel; phase: degrees in [0, 360), at the picture's centre;
colour: degrees in [0, 180), 0 for black-white."""


@dataclass(frozen=True)
class Gratings:
    """A set of gratings. table: SCHEMA, one row per grating; side: of the pictures, in pixels."""

    side: int
    table: polars.DataFrame

    def batches(self, size: int) -> Iterator[Tensor]:
        """Yield pictures [≤ size, 3, side, side] of all gratings in order, RGB float32 in [0, 1]."""
        for rows in self.table.iter_slices(size):
            yield (1 + waves(rows, self.side)[:, None] * colour_vectors(rows["colour"])[:, :, None, None]) / 2


def gratings(side: int) -> Gratings:
    """Return all gratings for a receptive field of `side` pixels.

    The lowest frequency has two periods per field, but a period of at least 8 pixels.
    """
    columns = {
        "orientation": np.arange(ORIENTATIONS) * 180 / ORIENTATIONS,
        "frequency": np.geomspace(min(2 / side, 1 / 8), FINEST, FREQUENCIES),
        "phase": np.arange(PHASES) * 360 / PHASES,
        "colour": np.arange(COLOURS) * 180 / COLOURS,
    }
    grid = [values.ravel() for values in np.meshgrid(*columns.values(), indexing="ij")]
    return Gratings(side, polars.DataFrame(dict(zip(columns, grid, strict=True)), schema=SCHEMA))


def waves(rows: polars.DataFrame, side: int) -> Tensor:
    """Return cosines with the rows' orientation, frequency and phase, float32 [rows, side, side] in [-1, 1]."""
    orientation, frequency, phase = (
        torch.tensor(rows[name].to_list(), dtype=torch.float64)[:, None, None]
        for name in ("orientation", "frequency", "phase")
    )
    return torch.cos(2 * math.pi * frequency * across(orientation, side) + torch.deg2rad(phase)).float()


def across(orientation: Tensor, side: int) -> Tensor:
    """Return the distance from the centre along each orientation, in pixels, [rows, side, side].

    orientation: degrees, [rows, 1, 1].
    """
    steps = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    angle = torch.deg2rad(orientation)
    return steps[None, None, :] * torch.cos(angle) - steps[None, :, None] * torch.sin(angle)


def colour_vectors(colours: polars.Series) -> Tensor:
    """Return the unit vector in RGB of each colour (degrees), float32 [rows, 3], with components in [-1, 1]."""
    angle = torch.deg2rad(torch.tensor(colours.to_list(), dtype=torch.float64))[:, None]
    black_white = torch.tensor([1.0, 1.0, 1.0], dtype=torch.float64) / math.sqrt(3)
    yellow_blue = torch.tensor([1.0, 1.0, -2.0], dtype=torch.float64) / math.sqrt(6)
    return (torch.cos(angle) * black_white + torch.sin(angle) * yellow_blue).float()
