"""A bank of Gabor filters as a network: a convolution with known filters, followed by a rectifier.

It provides a ground truth for the analyses. Source: ours (methods §6). The channels are all combinations of
orientation, spatial frequency, phase and colour, in this order, the last varying fastest; the parameters are defined as
in `tasks.vision.gratings`. Each filter responds with 1 to its own grating at full contrast and with 0 to a uniform
field. The classes are the pairs (orientation, frequency); a logit is the response of a pair, averaged over the image
and summed over all phases and colours.
"""

import math
import re
from dataclasses import dataclass

import numpy as np
import polars
import torch
from torch import Tensor, nn

from tasks.errors import UserError
from tasks.vision.gratings import SCHEMA, across, colour_vectors, waves

VERSION = 1
"""Version of the code that determines the filters; part of the weights' key."""
SIDE = 33
"""Side of a filter in pixels: two periods of the lowest frequency."""
STRIDE = 8
FREQUENCY_RANGE = (1 / 16, 1 / 3)
"""First and last frequency in cycles per pixel; the others are evenly spaced on a logarithmic axis."""
BANDWIDTH = 1.2
"""Octaves between the frequencies at which a filter's response is half its maximum."""
NAME = re.compile(r"gabor-bank(?:-(\d+)x(\d+)x(\d+)x(\d+))?")
LEAST = (3, 2, 2, 2)


@dataclass(frozen=True)
class GaborParameters:
    """The number of values of each parameter."""

    orientations: int = 8
    frequencies: int = 6
    phases: int = 4
    colours: int = 4

    @property
    def table(self) -> polars.DataFrame:
        """Orientation, frequency, phase and colour of every channel, with the columns of `gratings`."""
        values = [
            np.arange(self.orientations) * 180 / self.orientations,
            np.geomspace(*FREQUENCY_RANGE, self.frequencies),
            np.arange(self.phases) * 360 / self.phases,
            np.arange(self.colours) * 180 / self.colours,
        ]
        grid = [column.ravel() for column in np.meshgrid(*values, indexing="ij")]
        return polars.DataFrame(dict(zip(SCHEMA, grid, strict=True)), schema=SCHEMA)


def parameters_of(name: str) -> GaborParameters | None:
    """Return the parameters of a bank by its name, or None if the name is not that of a bank.

    Names are `gabor-bank`, or for example `gabor-bank-8x6x4x4`: orientations, frequencies, phases, colours. Raises
    UserError if a count is too small for the parameter to be a dimension.
    """
    if not (match := NAME.fullmatch(name)):
        return None
    if not match[1]:
        return GaborParameters()
    counts = tuple(map(int, match.groups()))
    for count, least, what in zip(counts, LEAST, ("orientations", "frequencies", "phases", "colours"), strict=True):
        if count < least:
            raise UserError(
                f"{name} has {count} {what}, but with fewer than {least} there is no such dimension to find: "
                f"choose a bank with at least {'x'.join(map(str, LEAST))} orientations, frequencies, phases and colours"
            )
    return GaborParameters(*counts)


class GaborBank(nn.Module):
    """Filters, rectifier, mean over the image, and one output per pair (orientation, frequency)."""

    def __init__(self, parameters: GaborParameters) -> None:
        super().__init__()
        weight_coyx = filters(parameters)
        channels, pairs = len(weight_coyx), parameters.orientations * parameters.frequencies
        self.filters = nn.Conv2d(3, channels, SIDE, stride=STRIDE, bias=False)
        self.rectifier = nn.ReLU()
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.pairs = nn.Linear(channels, pairs, bias=False)
        with torch.no_grad():
            self.filters.weight.copy_(weight_coyx)
            self.pairs.weight.copy_(torch.eye(pairs).repeat_interleave(channels // pairs, dim=1))

    def forward(self, images_bcyx: Tensor) -> Tensor:
        return self.pairs(self.flatten(self.mean(self.rectifier(self.filters(images_bcyx)))))


def filters(parameters: GaborParameters) -> Tensor:
    """Return the filters of all channels, float32 [channels, 3, SIDE, SIDE]."""
    table = parameters.table
    width = math.sqrt(math.log(2) / 2) / math.pi * (2**BANDWIDTH + 1) / (2**BANDWIDTH - 1)
    sigma_n11 = width / torch.tensor(table["frequency"].to_list(), dtype=torch.float64)[:, None, None]
    x, y = (across(torch.tensor(angle, dtype=torch.float64).view(1, 1, 1), SIDE) for angle in (0.0, 90.0))
    envelope_nyx = torch.exp(-(x**2 + y**2) / (2 * sigma_n11**2))
    carrier_nyx = waves(table, SIDE).double()
    # subtracted so that the response to a uniform field is 0
    offset_n11 = (envelope_nyx * carrier_nyx).sum((1, 2), keepdim=True) / envelope_nyx.sum((1, 2), keepdim=True)
    gabor_nyx = envelope_nyx * (carrier_nyx - offset_n11)
    gabor_nyx = gabor_nyx / (gabor_nyx * carrier_nyx).sum((1, 2), keepdim=True)
    return gabor_nyx[:, None].float() * colour_vectors(table["colour"])[:, :, None, None]


def class_names(parameters: GaborParameters) -> tuple[str, ...]:
    """Return the name of each output."""
    pairs = parameters.table.unique(["orientation", "frequency"], maintain_order=True)
    return tuple(f"{o:g}°, {f:.3g} cycles a pixel" for o, f in pairs.select("orientation", "frequency").iter_rows())
