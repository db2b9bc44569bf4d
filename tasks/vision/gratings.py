"""Gratings over the full range of orientation, spatial frequency, phase and colour: every combination is drawn once.

Source: ours (methods §6). Points are measured from the picture's centre, x right and y up; orientation is the
direction across the bars, counter-clockwise as displayed, 0° right. A grating's colour is a direction in the plane that
black-white and yellow-blue span: it swings about mid grey along that direction, so a turn by 180° only exchanges the
bars, and so does half a period of phase.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars
import torch
from torch import Tensor

ORIENTATIONS, FREQUENCIES, PHASES, COLOURS = 12, 9, 8, 6
"""Values of each parameter, evenly spaced; frequencies on a logarithmic axis."""
FINEST = 1 / 3
"""Cycles a pixel; beyond it a bar has hardly a pixel."""
SCHEMA = dict.fromkeys(("orientation", "frequency", "phase", "colour"), polars.Float64)
"""Degrees in [0, 180); cycles a pixel; degrees in [0, 360) at the centre; degrees in [0, 180), 0 black-white."""


@dataclass(frozen=True)
class Gratings:
    """table: SCHEMA, one row a grating. side: of the pictures, pixels."""

    side: int
    table: polars.DataFrame

    def batches(self, size: int) -> Iterator[Tensor]:
        """Pictures [≤ size, 3, side, side] of all gratings in order, RGB float32 in [0, 1]."""
        for rows in self.table.iter_slices(size):
            yield (1 + waves(rows, self.side)[:, None] * colour_vectors(rows["colour"])[:, :, None, None]) / 2


def gratings(side: int) -> Gratings:
    """All gratings that a receptive field of `side` pixels sees two periods of, or from 8 pixels a period on."""
    columns = {
        "orientation": np.arange(ORIENTATIONS) * 180 / ORIENTATIONS,
        "frequency": np.geomspace(min(2 / side, 1 / 8), FINEST, FREQUENCIES),
        "phase": np.arange(PHASES) * 360 / PHASES,
        "colour": np.arange(COLOURS) * 180 / COLOURS,
    }
    grid = [values.ravel() for values in np.meshgrid(*columns.values(), indexing="ij")]
    return Gratings(side, polars.DataFrame(dict(zip(columns, grid, strict=True)), schema=SCHEMA))


def waves(rows: polars.DataFrame, side: int) -> Tensor:
    """float32 [rows, side, side] in [-1, 1]: cosines of the rows' orientation, frequency and phase."""
    orientation, frequency, phase = (
        torch.tensor(rows[name].to_list(), dtype=torch.float64)[:, None, None]
        for name in ("orientation", "frequency", "phase")
    )
    return torch.cos(2 * math.pi * frequency * across(orientation, side) + torch.deg2rad(phase)).float()


def across(orientation: Tensor, side: int) -> Tensor:
    """[rows, side, side]: pixels from the centre, along the direction of each orientation (degrees, [rows, 1, 1])."""
    steps = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    angle = torch.deg2rad(orientation)
    return steps[None, None, :] * torch.cos(angle) - steps[None, :, None] * torch.sin(angle)


def colour_vectors(colours: polars.Series) -> Tensor:
    """float32 [rows, 3]: the unit vector in RGB of each colour (degrees); none leaves [-1, 1]."""
    angle = torch.deg2rad(torch.tensor(colours.to_list(), dtype=torch.float64))[:, None]
    black_white = torch.tensor([1.0, 1.0, 1.0], dtype=torch.float64) / math.sqrt(3)
    yellow_blue = torch.tensor([1.0, 1.0, -2.0], dtype=torch.float64) / math.sqrt(6)
    return (torch.cos(angle) * black_white + torch.sin(angle) * yellow_blue).float()
