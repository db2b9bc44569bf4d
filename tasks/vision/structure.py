"""Measure the orientation, coherence and spatial frequency of pictures, without a network (methods §6).

Because it needs no network, the measure can evaluate pictures that were optimised for one. It uses the power spectrum
of the picture minus its mean, under a round Hann window. The spectrum is summed over the colours, so that bars of equal
brightness count as well. The structure tensor Σ ∇I ∇Iᵀ is, by Parseval's theorem, Σ k kᵀ |Î(k)|², with exact
derivatives up to the highest frequency.
"""

import polars
import torch
from torch import Tensor

SCHEMA = dict.fromkeys(("orientation_degrees", "coherence", "spatial_frequency"), polars.Float64)
FAINTEST = 1e-5
"""Root mean square contrast below which a picture counts as uniform. A hundredth of an 8-bit step is 4e-5."""


def estimate(pictures_ncyx: Tensor) -> polars.DataFrame:
    """Measure pictures [n, channels, side, side] with values in [0, 1]; returns SCHEMA, one row per picture.

    orientation_degrees: direction across the bars in [0, 180), counter-clockwise as displayed, 0 for vertical bars; the
    first axis of the structure tensor
    coherence: from 0 for no orientation to 1 for a single one; difference of the tensor's eigenvalues over their sum
    spatial_frequency: cycles per pixel, geometric mean weighted by power

    A uniform picture has coherence 0 and null for orientation and frequency.
    """
    side = pictures_ncyx.shape[-1]
    steps = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
    window_yx = torch.cos(torch.pi * (torch.hypot(steps[:, None], steps) / side).clamp(max=0.5)) ** 2
    pictures_ncyx = pictures_ncyx.double()
    mean_nc11 = (pictures_ncyx * window_yx).sum((2, 3), keepdim=True) / window_yx.sum()
    power_nyx = torch.fft.fft2((pictures_ncyx - mean_nc11) * window_yx, norm="ortho").abs().square().sum(1)

    cycles = torch.fft.fftfreq(side, dtype=torch.float64)
    up_yx, right_yx = torch.meshgrid(-cycles, cycles, indexing="ij")
    xx_n, yy_n, xy_n = (
        (power_nyx * product_yx).sum((1, 2)) for product_yx in (right_yx**2, up_yx**2, right_yx * up_yx)
    )
    orientation_n = torch.rad2deg(torch.atan2(2 * xy_n, xx_n - yy_n) / 2) % 180 % 180  # twice: -1e-15 % 180 is 180
    coherence_n = torch.hypot(xx_n - yy_n, 2 * xy_n) / (xx_n + yy_n)
    octaves_yx = torch.hypot(up_yx, right_yx).clamp_min(1 / side).log2()  # the value at 0 is arbitrary: no power
    frequency_n = torch.exp2((power_nyx * octaves_yx).sum((1, 2)) / power_nyx.sum((1, 2)))

    uniform_n = power_nyx.sum((1, 2)) <= FAINTEST**2 * window_yx.square().sum()
    nan = float("nan")
    columns = (
        orientation_n.masked_fill(uniform_n, nan),
        coherence_n.masked_fill(uniform_n, 0),
        frequency_n.masked_fill(uniform_n, nan),
    )
    return polars.DataFrame([column.numpy() for column in columns], schema=SCHEMA).fill_nan(None)
