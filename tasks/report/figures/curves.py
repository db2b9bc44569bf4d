"""Figures of curve detectors: all detectors on one circle, and a sheet for each detector."""

import colorsys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from tasks.report.figures.style import INK, RULE, SOFT, figure_style, new_figure
from tasks.tuning.radial import HALF_MAXIMUM, covered, gaps, tuning, uncovered_arcs
from tasks.vision.names import RENDERINGS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RENDERING_COLOURS = dict(zip(RENDERINGS, ("#1b1e24", "#c98a00", "#0067b5", "#c4421a"), strict=True))
RING = 1.12
"""Radius of the ring of peaks; a curve's maximum is at radius 1."""
PATCHES = 6


def orientation_colour(degrees: float) -> tuple[float, float, float]:
    """Return an RGB colour whose hue is the orientation, dark enough for a white background."""
    return colorsys.hls_to_rgb(degrees % 360 / 360, 0.44, 0.72)


def detectors_polar(subjects: Mapping[str, np.ndarray], title: str) -> "Figure":
    """Draw all detectors of each unit set on a circle, coloured by the orientation of their peak.

    subjects: {name: radial tuning curves [detectors, n]}, such as of neurons and of features; each gets a circle. Each
    curve is divided by its maximum, and a dot on the ring marks its peak. Grey: arcs in which no detector reaches half
    its maximum.
    """
    with figure_style():
        figure, grid = new_figure(4.6 * len(subjects) + 0.2, 5.6, columns=len(subjects), polar=True)
        for axes, (name, curves_un) in zip(np.atleast_1d(grid), subjects.items(), strict=True):
            _draw_circle(axes, np.asarray(curves_un, dtype=float))
            axes.set_title(name, loc="center", pad=14)
        figure.suptitle(title, x=0.02, ha="left", fontsize=11, color=INK)
    return figure


def _draw_circle(axes, curves_un: np.ndarray) -> None:
    n = curves_un.shape[1]
    around = np.linspace(0, 2 * np.pi, n + 1)
    arcs = uncovered_arcs(covered(curves_un, HALF_MAXIMUM))
    for arc in arcs:
        axes.bar(
            np.radians(arc.start + arc.width / 2),
            RING + 0.06,
            width=np.radians(arc.width),
            color=RULE,
            zorder=0,
            linewidth=0,
        )
    peaks = tuning(curves_un).peak
    fill, line = (0.10, 0.9) if len(peaks) <= 60 else (0.03, 0.5)
    for curve_n, peak in zip(curves_un, peaks, strict=True):
        share = np.append(curve_n, curve_n[0]).clip(min=0) / curve_n.max()
        colour = orientation_colour(peak)
        axes.fill(around, share, color=colour, alpha=fill, linewidth=0)
        axes.plot(around, share, color=colour, linewidth=line, alpha=0.85)
        axes.plot(np.radians(peak), RING, color=colour, marker="o", markersize=4.5, markeredgewidth=0, clip_on=False)
    axes.plot(
        np.linspace(0, 2 * np.pi, 181), np.full(181, HALF_MAXIMUM), color=SOFT, linewidth=0.8, linestyle=(0, (3, 3))
    )
    axes.set_rlim(0, RING + 0.06)
    axes.set_rgrids([HALF_MAXIMUM, 1.0], ["", ""])
    axes.set_thetagrids(np.arange(0, 360, 45), fontsize=9)
    axes.spines["polar"].set_visible(False)
    widest = max((gap.arc.width for gap in gaps(peaks)), default=360)
    share = 1 - sum(arc.width for arc in arcs) / 360
    label = f"{len(peaks)} detectors    {share:.0%} of orientations covered    largest gap {widest:.0f}°"
    axes.set_xlabel(label, fontsize=9, labelpad=10)


def detector_sheet(
    title: str, curves: Mapping[str, np.ndarray], stimuli_ncyx: np.ndarray, patches_ncyx: np.ndarray
) -> "Figure":
    """Draw one detector: its tuning curves, the stimuli at its peak, and its strongest natural patches.

    curves: {"arc": mean curve [n], "arc dark line" …: curve of a rendering}, as in the table tuning_curves;
    stimuli_ncyx: RGB float in [0, 1], one for each rendering; patches_ncyx: uint8 [n, 3, h, w], strongest first, of
    which at most PATCHES are drawn.
    """
    from matplotlib.gridspec import GridSpec

    with figure_style():
        figure, _ = new_figure(10.4, 4.4)
        figure.clear()
        patches_ncyx = np.asarray(patches_ncyx)[:PATCHES]
        columns = max(len(stimuli_ncyx), len(patches_ncyx))
        cells = GridSpec(2, 1 + columns, figure=figure, width_ratios=[columns, *[1] * columns])
        axes = figure.add_subplot(cells[:, 0])
        mean_n = np.asarray(curves["arc"], dtype=float)
        angles = 360 * np.arange(len(mean_n) + 1) / len(mean_n)
        peak = float(tuning(mean_n[None]).peak[0])
        for rendering, colour in RENDERING_COLOURS.items():
            if f"arc {rendering}" in curves:
                curve_n = np.asarray(curves[f"arc {rendering}"], dtype=float)
                axes.plot(angles, np.append(curve_n, curve_n[0]), color=colour, linewidth=1.1, label=rendering)
        axes.fill_between(
            angles, 0, np.append(mean_n, mean_n[0]), color=orientation_colour(peak), alpha=0.22, linewidth=0
        )
        axes.plot(angles, np.append(mean_n, mean_n[0]), color=orientation_colour(peak), linewidth=2.4, label="mean")
        axes.set_xlim(0, 360)
        axes.set_ylim(bottom=0)
        axes.set_xticks(np.arange(0, 361, 90), [f"{angle}°" for angle in range(0, 361, 90)])
        axes.set_xlabel("orientation of the arc")
        axes.set_ylabel("mean response")
        axes.set_title(title)
        axes.legend(
            loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=5, fontsize=8, handlelength=1.4, columnspacing=1
        )
        _pictures(figure, cells, 0, np.asarray(stimuli_ncyx), f"arcs at the peak, {peak:.0f}°")
        _pictures(figure, cells, 1, patches_ncyx, "strongest natural patches")
    return figure


def _pictures(figure, cells, row: int, pictures_ncyx: np.ndarray, label: str) -> None:
    for column, picture_cyx in enumerate(pictures_ncyx):
        axes = figure.add_subplot(cells[row, 1 + column])
        axes.imshow(picture_cyx.transpose(1, 2, 0), interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.grid(False)
        axes.spines[:].set(visible=True, color=RULE)
        if column == 0:
            axes.set_title(label, fontsize=9, color=SOFT)
