"""Radial tuning curves: the tuning of one unit, and the orientations that the units of a layer cover (methods §5).

A curve holds n responses, the j-th to orientation 360·j/n degrees; curves are float64 [units, n]. The choice of 0° is
arbitrary: rotating all curves rotates all results.

The peak is interpolated: it is the vertex of the parabola through the largest sample and its two neighbours. Its height
is the largest sample. Between other samples, responses are interpolated linearly. A unit whose largest response is not
above 0 does not respond: its peak, width, echo and concentration are NaN, and it covers nothing.
"""

from dataclasses import dataclass

import numpy as np

HALF_MAXIMUM = 0.5
WIDE_GAP = 20.0
"""Degrees. Gaps between peaks above this count as wide; a peak is inside one if no other is within half of this."""


@dataclass(frozen=True)
class Tuning:
    """The tuning of each unit; all arrays are [units], NaN where the unit does not respond.

    peak: orientation of the largest response, in [0, 360) degrees
    width: full width at half of the peak's height above 0, in degrees; 360 where the curve never falls below half
    echo: response at peak + 180° divided by that at the peak; negative where the unit is inhibited there
    concentration: r₁ = |Σ z e^{iθ}| / Σ z with negative z taken as 0; 0 for a flat curve, 1 for a single orientation
    """

    peak: np.ndarray
    width: np.ndarray
    echo: np.ndarray
    concentration: np.ndarray


@dataclass(frozen=True)
class Arc:
    """An arc from start counter-clockwise to end, both in [0, 360); width in (0, 360]. All in degrees."""

    start: float
    end: float
    width: float


@dataclass(frozen=True)
class Gap:
    """The arc between two successive peaks, counter-clockwise. after, before: indices of the units with these peaks.

    If there is only one peak, its gap is 360°.
    """

    after: int
    before: int
    arc: Arc


def tuning(curves_un: np.ndarray) -> Tuning:
    """Compute peak, width, echo and concentration of curves [units, n]."""
    curves_un = np.asarray(curves_un, dtype=np.float64)
    responds = curves_un.max(axis=1) > 0
    values = {name: np.full(len(curves_un), np.nan) for name in ("peak", "width", "echo", "concentration")}
    if responds.any():
        active_un = curves_un[responds]
        step = 360 / active_un.shape[1]
        peak, height = _peak(active_un) * step, active_un.max(axis=1)
        values["peak"][responds] = peak % 360 % 360  # twice: just below 0, the first remainder rounds to 360
        values["width"][responds] = _width(active_un, HALF_MAXIMUM * height) * step
        values["echo"][responds] = at(active_un, peak + 180) / height
        values["concentration"][responds] = _concentration(active_un)
    return Tuning(**values)


def at(curves_un: np.ndarray, degrees_u: np.ndarray) -> np.ndarray:
    """Return each curve's response at its own orientation, [units], interpolated linearly. degrees_u: [units]."""
    units, n = curves_un.shape
    position = np.asarray(degrees_u) / 360 * n % n
    before = np.floor(position).astype(int) % n
    share, rows = position - np.floor(position), np.arange(units)
    return (1 - share) * curves_un[rows, before] + share * curves_un[rows, (before + 1) % n]


def aligned(curves_un: np.ndarray, degrees_u: np.ndarray, angles: int) -> np.ndarray:
    """Resample each curve from its own orientation on, [units, angles]: entry j is at degrees + 360·j/angles."""
    return np.stack([at(curves_un, np.asarray(degrees_u) + 360 * j / angles) for j in range(angles)], axis=1)


def covered(curves_un: np.ndarray, threshold: float) -> np.ndarray:
    """Return the orientations at which some unit reaches `threshold` times its own largest response, bool [n]."""
    largest_u1 = curves_un.max(axis=1, keepdims=True, initial=0)
    return ((curves_un >= threshold * largest_u1) & (largest_u1 > 0)).any(axis=0)


def uncovered_arcs(covered_n: np.ndarray) -> list[Arc]:
    """Return the runs of uncovered orientations, sorted by their start.

    Each sample stands for the 360/n degrees around it, so the widths sum to 360 · (1 − coverage).
    """
    n = len(covered_n)
    step = 360 / n
    if not covered_n.any():
        return [Arc(0.0, 0.0, 360.0)]
    starts = np.flatnonzero(~covered_n & np.roll(covered_n, 1))
    ends = np.flatnonzero(~covered_n & np.roll(covered_n, -1))
    ends = np.roll(ends, -1) if len(ends) and ends[0] < starts[0] else ends
    return [
        Arc((start - 0.5) * step % 360, (end + 0.5) * step % 360, ((end - start) % n + 1) * step)
        for start, end in zip(starts, ends, strict=True)
    ]


def gaps(peaks_u: np.ndarray) -> list[Gap]:
    """Return the gaps between successive peaks, sorted by their start; units without a peak (NaN) are left out."""
    order = [int(unit) for unit in np.argsort(peaks_u, kind="stable") if not np.isnan(peaks_u[unit])]
    peak_gaps = []
    for place, after in enumerate(order):
        before = order[(place + 1) % len(order)]
        start, end = float(peaks_u[after]), float(peaks_u[before])
        # the last gap closes the circle, even if all peaks are at the same orientation
        width = end - start if place < len(order) - 1 else end - start + 360
        peak_gaps.append(Gap(after, before, Arc(start, end, width)))
    return peak_gaps


def angular_distance(a_degrees: np.ndarray, b_degrees: np.ndarray) -> np.ndarray:
    """Return the angle between two orientations in degrees, in [0, 180]."""
    return np.abs((np.asarray(a_degrees) - b_degrees + 180) % 360 - 180)


def _peak(curves_un: np.ndarray) -> np.ndarray:
    """Return the vertex of the parabola through each curve's largest sample and its neighbours, [units], in samples."""
    top = curves_un.argmax(axis=1)
    rows, n = np.arange(len(curves_un)), curves_un.shape[1]
    left, middle, right = (curves_un[rows, (top + shift) % n] for shift in (-1, 0, 1))
    bend = left - 2 * middle + right
    return top + np.divide(left - right, 2 * bend, out=np.zeros(len(top)), where=bend < 0)


def _width(curves_un: np.ndarray, level_u: np.ndarray) -> np.ndarray:
    """Return the distance between the first crossings of a level on both sides of the largest sample, [units].

    In samples; n for a curve that never falls below the level.
    """
    units, n = curves_un.shape
    rows, top = np.arange(units), curves_un.argmax(axis=1)
    width_u = np.zeros(units)
    for direction in (1, -1):
        side_un = curves_un[rows[:, None], (top[:, None] + direction * np.arange(n + 1)) % n]
        below_un = side_un < level_u[:, None]
        after = np.where(below_un.any(axis=1), below_un.argmax(axis=1), n)
        high, low = side_un[rows, after - 1], side_un[rows, after]
        width_u += after - 1 + np.divide(high - level_u, high - low, out=np.ones(units), where=high > low)
    return np.minimum(width_u, n)


def _concentration(curves_un: np.ndarray) -> np.ndarray:
    z_un = curves_un.clip(min=0)
    phase_n = np.exp(2j * np.pi * np.arange(z_un.shape[1]) / z_un.shape[1])
    return np.abs(z_un @ phase_n) / z_un.sum(axis=1)
