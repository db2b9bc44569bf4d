"""What a picture shows, measured on the picture: which way its bars run, how clearly, and how fine they are.

No network is asked, so this can judge pictures that were made for one (methods §6). All is read off one power spectrum,
that of the picture less its mean under a round Hann window, summed over the colours, so that bars of one brightness
count too. The structure tensor Σ ∇I ∇Iᵀ is by Parseval's theorem Σ k kᵀ |Î(k)|² of that spectrum, with derivatives that
are exact up to the finest bars.
"""

import polars
import torch
from torch import Tensor

SCHEMA = dict.fromkeys(("orientation_degrees", "coherence", "frequency"), polars.Float64)
FAINTEST = 1e-5
"""Root mean square contrast below which a picture is uniform: a hundredth of an 8-bit step is 4e-5."""


def estimate(pictures_ncyx: Tensor) -> polars.DataFrame:
    """SCHEMA, one row a picture [n, channels, side, side], values in [0, 1].

    orientation_degrees: in [0, 180), across the bars, 0 where they stand upright, counter-clockwise as displayed: the
    structure tensor's first axis. coherence: from 0, no orientation, to 1, a single one: difference of its eigenvalues
    over their sum. frequency: cycles a pixel, geometric mean weighted by power. A uniform picture has coherence 0,
    and neither orientation nor frequency.
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
    orientation_n = torch.rad2deg(torch.atan2(2 * xy_n, xx_n - yy_n) / 2) % 180 % 180  # -1e-15 % 180 is 180
    coherence_n = torch.hypot(xx_n - yy_n, 2 * xy_n) / (xx_n + yy_n)
    octaves_yx = torch.hypot(up_yx, right_yx).clamp_min(1 / side).log2()  # at 0, where there is no power, all the same
    frequency_n = torch.exp2((power_nyx * octaves_yx).sum((1, 2)) / power_nyx.sum((1, 2)))

    uniform_n = power_nyx.sum((1, 2)) <= FAINTEST**2 * window_yx.square().sum()
    none = float("nan")
    columns = (
        orientation_n.masked_fill(uniform_n, none),
        coherence_n.masked_fill(uniform_n, 0),
        frequency_n.masked_fill(uniform_n, none),
    )
    return polars.DataFrame([column.numpy() for column in columns], schema=SCHEMA).fill_nan(None)
