"""Drawn stimuli of the size of a unit's receptive field, to determine what a unit responds to (methods §5).

Source: ours, after Cammarata et al. 2020 (Curve Detectors). Points are measured from the patch's centre, x right and y
up; angles are counter-clockwise as displayed, with 0° to the right. A shape is a signed distance in pixels. A pixel's
coverage is that distance clipped over the pixel's width, which antialiases every edge.

| family | what is drawn | angle_degrees |
| --- | --- | --- |
| arc | a circle of `radius` through the patch's centre | from the patch's centre to the circle's |
| line, edge | the limit of the arc for radius ∞ | the normal; for an edge, into the filled half |
| angle | a corner at the patch's centre, `opening` degrees wide | the bisector, into the corner |
| grating | a sine wave, `frequency` in cycles per pixel, `phase` in degrees | across the bars |
| hatch | two sets of lines at right angles, with `frequency` and `phase` | across either set |
| centre-surround | a disc of `radius` about the centre | none |
| colour | a uniform field, a disc of `radius`, or two halves, of a colour and its complement | into the first colour |
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars
import torch
from torch import Tensor

from tasks.errors import UserError
from tasks.vision.names import FILLS, LINES, RENDERINGS

LARGEST_STEP = 4.0
"""Largest step between the orientations of a family, in degrees."""
REFERENCE_SIDE = 91
"""Side in pixels of the receptive field (mixed3b) for which the lengths below are given; they scale with the side."""
ARC_RADII = (12.0, 20.0, 30.0, 45.0)
DISC_RADII = (4.0, 8.0, 12.0, 20.0, 30.0)
LINE_WIDTH = 4.0
THINNEST = 1.0
"""Smallest line width in pixels; a thinner line would have less contrast."""
OPENINGS = (45.0, 90.0, 135.0)
GRATING_CYCLES = (1, 2, 3, 5, 8, 12)
"""Cycles per receptive field; those above FINEST are left out."""
HATCH_CYCLES = (3, 5, 8, 12)
FINEST = 0.45
"""Highest frequency in cycles per pixel; a grating of 0.5 can't be distinguished from its mirror image."""
DARK, GREY, LIGHT = (0.0, 0.0, 0.0), (0.5, 0.5, 0.5), (1.0, 1.0, 1.0)
COLOURS = {
    "red": (1.0, 0.0, 0.0),
    "yellow": (1.0, 1.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "cyan": (0.0, 1.0, 1.0),
    "blue": (0.0, 0.0, 1.0),
    "magenta": (1.0, 0.0, 1.0),
}
INK = {"dark line": (DARK, GREY), "light line": (LIGHT, GREY), "dark fill": (DARK, LIGHT), "light fill": (LIGHT, DARK)}
"""Colours of the shape and of its surround. A fill has the largest possible contrast; a line has grey on both sides."""
SCHEMA = {
    "stimulus": polars.Int32,
    "family": polars.String,
    "rendering": polars.String,
    "radius": polars.Float64,
    "opening": polars.Float64,
    "frequency": polars.Float64,
    "phase": polars.Float64,
    "angle_degrees": polars.Float64,
}


@dataclass(frozen=True)
class Stimuli:
    """A set of stimuli. side: in pixels; table: SCHEMA, one row per stimulus, numbered from 0.

    Columns that don't apply to a family are null.
    """

    side: int
    step_degrees: float
    table: polars.DataFrame

    def batches(self, size: int) -> Iterator[Tensor]:
        """Yield pictures [≤ size, 3, side, side] of all stimuli in order, RGB float32 in [0, 1]."""
        for rows in self.table.iter_slices(size):
            yield draw(rows, self.side)

    def arcs(self, degrees: float, radius: float) -> Tensor:
        """Draw an arc of any orientation and radius (in pixels) in each of RENDERINGS, [4, 3, side, side]."""
        row = _product(family="arc", rendering=RENDERINGS, radius=radius, angle_degrees=degrees)
        return draw(row, self.side)


def stimuli(side: int, step_degrees: float = LARGEST_STEP) -> Stimuli:
    """Return the stimuli of all families for a receptive field of `side` pixels.

    Raises UserError unless the step divides 360° and is at most LARGEST_STEP degrees.
    """
    if not 0 < step_degrees <= LARGEST_STEP or 360 % step_degrees:
        raise UserError(
            f"a step of {step_degrees}° is not possible: choose one that divides 360° and is at most {LARGEST_STEP:g}°"
        )
    scale = side / REFERENCE_SIDE
    full, half, quarter = (np.arange(0, end, step_degrees) for end in (360, 180, 90))
    arcs, discs = ([radius * scale for radius in radii] for radii in (ARC_RADII, DISC_RADII))
    opposites = dict(zip(COLOURS, [*COLOURS][3:] + [*COLOURS][:3], strict=True))
    families = [
        _product(family="arc", rendering=RENDERINGS, radius=arcs, angle_degrees=full),
        _product(family="line", rendering=LINES, radius=math.inf, angle_degrees=half),
        _product(family="edge", rendering=FILLS, radius=math.inf, angle_degrees=full),
        _product(family="angle", rendering=RENDERINGS, opening=OPENINGS, angle_degrees=full),
        _product(
            family="grating", rendering="light fill", frequency=_waves(GRATING_CYCLES, side), phase=(0, 90, 180, 270),
            angle_degrees=half,
        ),
        _product(
            family="hatch", rendering=LINES, frequency=_waves(HATCH_CYCLES, side), phase=(0, 180), angle_degrees=quarter
        ),
        _product(family="centre-surround", rendering=FILLS, radius=discs),
        _product(family="colour", rendering=list(COLOURS)),
        _product(family="colour", rendering=[f"{a} on {b}" for a, b in opposites.items()], radius=discs),
        _product(
            family="colour", rendering=[f"{a} beside {b}" for a, b in [*opposites.items()][:3]], angle_degrees=full
        ),
    ]  # fmt: skip
    table = polars.concat(families, how="diagonal_relaxed").with_row_index("stimulus")
    return Stimuli(side, step_degrees, table.select(polars.col(name).cast(dtype) for name, dtype in SCHEMA.items()))


def _waves(cycles: tuple[int, ...], side: int) -> list[float]:
    """Return the frequencies, in cycles per pixel, that a patch of `side` pixels can represent."""
    return [count / side for count in cycles if count / side <= FINEST]


def _product(**columns) -> polars.DataFrame:
    """Return one row for every combination of the columns' values, the last column varying fastest."""
    table = polars.DataFrame({"": [0]})
    for name, values in columns.items():
        is_single = isinstance(values, str | float | int)
        table = table.join(polars.DataFrame({name: [values] if is_single else values}), how="cross")
    return table.drop("")


def draw(rows: polars.DataFrame, side: int, canvas: int | None = None) -> Tensor:
    """Draw rows of a stimuli table; returns pictures [rows, 3, canvas, canvas], RGB float32 in [0, 1].

    side: of the patch that the stimuli are for; canvas: side of the pictures, by default that. A larger canvas, of the
    same parity, shows more around the same patch.
    """
    pixels = side if canvas is None else canvas
    steps = torch.arange(pixels, dtype=torch.float32) - (pixels - 1) / 2
    pictures_ncyx = torch.empty(len(rows), 3, pixels, pixels)
    for (family,), part in rows.with_row_index("place").group_by("family", maintain_order=True):
        coverage_nyx = COVERAGE[family](part, steps[None, None, :], -steps[None, :, None], side)
        ink_ncyx, ground_ncyx = (
            torch.tensor(colours)[:, :, None, None] for colours in zip(*map(_colours, part["rendering"]), strict=True)
        )
        pictures_ncyx[part["place"].to_torch().long()] = torch.lerp(ground_ncyx, ink_ncyx, coverage_nyx[:, None])
    return pictures_ncyx


def _colours(rendering: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if rendering in INK:
        return INK[rendering]
    first, _, second = rendering.replace(" beside ", " on ").partition(" on ")
    return COLOURS[first], COLOURS[second or first]


# Signed distances and coverage ---------------------------------------------------------------------------------------
# x: [1, 1, side], y: [1, side, 1], a column of the rows: [n, 1, 1]


def _column(rows: polars.DataFrame, name: str) -> Tensor:
    return rows[name].fill_null(0).cast(polars.Float32).to_torch()[:, None, None]


def _direction(angle_degrees: Tensor) -> tuple[Tensor, Tensor]:
    angle = torch.deg2rad(angle_degrees)
    return torch.cos(angle), torch.sin(angle)


def _inside(distance: Tensor) -> Tensor:
    """Return a shape's coverage from the signed distance to its border, which is positive inside."""
    return (distance + 0.5).clamp(0, 1)


def _outlined(rows: polars.DataFrame, inside: Tensor, to_border: Tensor, side: int) -> Tensor:
    """Return the coverage of the shape's outline for rows with a line rendering, else that of the filled shape."""
    line = _inside(_line_width(side) / 2 - to_border.abs())
    return torch.where(torch.tensor(rows["rendering"].is_in(LINES).to_list())[:, None, None], line, _inside(inside))


def _line_width(side: int) -> float:
    return max(THINNEST, LINE_WIDTH * side / REFERENCE_SIDE)


def _arc(rows, x, y, side) -> Tensor:
    radius, (cos, sin) = _column(rows, "radius"), _direction(_column(rows, "angle_degrees"))
    distance = radius - torch.hypot(x - radius * cos, y - radius * sin)
    return _outlined(rows, distance, distance, side)


def _straight(rows, x, y, side) -> Tensor:
    cos, sin = _direction(_column(rows, "angle_degrees"))
    distance = x * cos + y * sin
    return _outlined(rows, distance, distance, side)


def _angle(rows, x, y, side) -> Tensor:
    bisector, half_opening = _column(rows, "angle_degrees"), _column(rows, "opening") / 2
    inside = to_border = torch.tensor(math.inf)
    for side_sign in (1, -1):
        cos, sin = _direction(bisector + side_sign * half_opening)
        along, across = x * cos + y * sin, side_sign * (x * sin - y * cos)
        inside = torch.minimum(inside, across)
        to_border = torch.minimum(to_border, torch.hypot(along.clamp(max=0), across))
    return _outlined(rows, inside, to_border, side)


def _grating(rows, x, y, side) -> Tensor:
    cos, sin = _direction(_column(rows, "angle_degrees"))
    cycles = _column(rows, "frequency") * (x * cos + y * sin) + _column(rows, "phase") / 360
    return (1 + torch.cos(2 * math.pi * cycles)) / 2


def _hatch(rows, x, y, side) -> Tensor:
    cos, sin = _direction(_column(rows, "angle_degrees"))
    frequency, phase = _column(rows, "frequency"), _column(rows, "phase") / 360
    width = (0.25 / frequency).clamp_min(THINNEST)
    gaps = torch.ones(())
    for across in (x * cos + y * sin, y * cos - x * sin):
        cycles = frequency * across + phase
        gaps = gaps * (1 - _inside(width / 2 - (cycles - cycles.round()).abs() / frequency))
    return 1 - gaps


def _disc(rows, x, y, side) -> Tensor:
    return _inside(_column(rows, "radius") - torch.hypot(x, y))


def _coloured(rows, x, y, side) -> Tensor:
    """Return the coverage of a disc for rows with a radius, of a half for rows with an angle, else of the field."""
    disc, half = _disc(rows, x, y, side), _straight(rows, x, y, side)
    is_disc, is_half = (
        torch.tensor(rows[name].is_not_null().to_list())[:, None, None] for name in ("radius", "angle_degrees")
    )
    return torch.where(is_disc, disc, torch.where(is_half, half, 1.0))


COVERAGE = {
    "arc": _arc,
    "line": _straight,
    "edge": _straight,
    "angle": _angle,
    "grating": _grating,
    "hatch": _hatch,
    "centre-surround": _disc,
    "colour": _coloured,
}
