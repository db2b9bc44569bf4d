"""Harmonics of a code over the orientation of drawn curves: what shape a feature's code goes through (methods §5.6)."""

import numpy as np
import polars


def mean_over_renderings(table: polars.DataFrame, responses_nu: np.ndarray, family: str = "arc") -> np.ndarray:
    """Return the mean response to each orientation of a stimulus family, over radii and renderings, [angles, units].

    table: of `Stimuli`, row n belongs to responses_nu[n].
    """
    of_family = table.with_row_index("place").filter(family=family).sort("angle_degrees")
    of_angle = of_family.group_by("angle_degrees", maintain_order=True).agg("place")["place"]
    return np.stack([responses_nu[places].mean(0) for places in of_angle])


def harmonic_shares(curve_au: np.ndarray) -> np.ndarray:
    """Return the share of each harmonic ≥ 1 in the energy of a closed curve about its mean, [⌊angles / 2⌋] [ours].

    curve_au: a point at each of equally spaced orientations over 360°. The first entry is the share of one wave in a
    full turn: a circle has 1 there, and a curve of independent points the same share in all.
    """
    power_h = (np.abs(np.fft.rfft(curve_au, axis=0)) ** 2).sum(1)
    power_h[1:] *= 2
    if len(curve_au) % 2 == 0:
        power_h[-1] /= 2
    return power_h[1:] / power_h[1:].sum()
