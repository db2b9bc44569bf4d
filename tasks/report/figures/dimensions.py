"""Figures of tuning dimensions: tuning curves, strips of rendered pictures, harmonics, and comparisons of methods."""

import io
import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from PIL import Image

from tasks.report.figures.curves import orientation_colour
from tasks.report.figures.style import INK, PALETTE, RULE, SOFT, figure_style, new_figure
from tasks.report.labels import IDENTIFIED, DimensionMethod, Irrep, Parameter

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Tables = Mapping[str, pl.DataFrame]
"""Staged tables of one analysis, by name as in `sql/schema`; some may be missing."""

SHOWN = 12
"""Largest number of dimensions in a figure."""
CURVES_ACROSS = 4
GAP = 0.06
"""Gap between the pictures of a strip, as a share of a picture's side."""


def followed(tables: Tables) -> pl.DataFrame:
    """Return one row of `tuning_scores` for each dimension, those with an assigned parameter first.

    It is the row of the assigned parameter, else that of the parameter with the largest R².
    """
    best_first = tables["tuning_scores"].sort("assigned", "r_squared", "parameter", descending=[True, True, False])
    return best_first.unique("dimension", keep="first").sort("assigned", "dimension", descending=[True, False])


def tuning_curves(tables: Tables) -> "Figure":
    """Draw dimensions' scores along the parameter that each follows: mean and standard deviation over the others."""
    rows = followed(tables).head(SHOWN)
    across = min(CURVES_ACROSS, len(rows))
    down = -(-len(rows) // across)
    with figure_style():
        figure, _ = new_figure(2.45 * across + 0.2, 2.75 * down + 0.1)
        figure.clear()
        for place, row in enumerate(rows.iter_rows(named=True), start=1):
            parameter = Parameter(row["parameter"])
            curve = tables["dimension_curves"].filter(dimension=row["dimension"], parameter=parameter.name)
            projection = "polar" if parameter.period else None
            axes = figure.add_subplot(down, across, place, projection=projection)
            _draw_curve(axes, parameter, curve.sort("value"), row["preferred"])
            mark = " ◆" if row["assigned"] else ""
            title = f"{row['dimension']}   {parameter.name}{mark}\nR² {row['r_squared']:.2f}"
            axes.set_title(title, loc="center" if projection else "left", fontsize=9.5, pad=8)
    return figure


def _draw_curve(axes, parameter: Parameter, curve: pl.DataFrame, preferred: float | None) -> None:
    values, means, stds = (curve[name].to_numpy() for name in ("value", "mean", "std"))
    colour: str | tuple[float, float, float] = PALETTE[0]
    if parameter.period and preferred is not None:
        # a parameter that repeats within a full turn is drawn once for each repetition
        turns = np.arange(0, 360, parameter.period)
        values = np.radians(np.append((turns[:, None] + values).ravel(), 360 + values[0]))
        means, stds = (np.append(np.tile(curve_n, len(turns)), curve_n[0]) for curve_n in (means, stds))
        colour = orientation_colour(360 * preferred / parameter.period)
    axes.fill_between(values, means - stds, means + stds, color=colour, alpha=0.18, linewidth=0)
    axes.plot(values, means, color=colour)
    if parameter.period:
        axes.plot(np.linspace(0, 2 * np.pi, 181), np.zeros(181), color=SOFT, linewidth=0.8)
        axes.set_rlim(min(0, (means - stds).min()), (means + stds).max())
        axes.set_rgrids([])
        axes.set_thetagrids([0, 90, 180, 270], fontsize=8)
        axes.spines["polar"].set_color(RULE)
        return
    axes.axhline(0, color=SOFT, linewidth=0.8)
    axes.set_xlabel(parameter.unit, fontsize=8.5)
    axes.tick_params(labelsize=8)
    if parameter.is_logarithmic:
        axes.set_xscale("log", base=2)
        axes.set_xticks(values[:: max(1, len(values) // 3)])
        axes.xaxis.set_major_formatter("{x:.2g}")


def strips(tables: Tables) -> "Figure":
    """Draw a strip for each dimension: the pictures rendered along it, by rising score, without natural patches."""
    rendered = tables["dimension_pictures"].filter(kind="rendered")
    rows = followed(tables).filter(pl.col("dimension").is_in(rendered["dimension"].unique().to_list())).head(SHOWN)
    pictures = [
        [_decoded(picture) for picture in rendered.filter(dimension=dimension).sort("place")["picture"]]
        for dimension in rows["dimension"]
    ]
    across = max(map(len, pictures))
    with figure_style():
        figure, grid = new_figure(0.92 * across + 2.6, 0.95 * len(rows) + 0.4, rows=len(rows))
        figure.get_layout_engine().set(h_pad=0.02)
        for axes, row, strip in zip(np.atleast_1d(grid), rows.iter_rows(named=True), pictures, strict=True):
            _draw_strip(axes, strip, across)
            label = f"{row['dimension']}   {row['parameter']}\nR² {row['r_squared']:.2f}{_path_label(tables, row)}"
            axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=9, color=INK, labelpad=8)
        axes.set_xlabel("score, from low to high  →", fontsize=9)
    return figure


def _decoded(picture: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))


def _draw_strip(axes, pictures: list[np.ndarray], across: int) -> None:
    for place, picture_yxc in enumerate(pictures):
        left = place * (1 + GAP)
        axes.imshow(picture_yxc, extent=(left, left + 1, 0, 1))
    axes.set_xlim(0, across * (1 + GAP) - GAP)
    axes.set_ylim(0, 1)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.set_anchor("E")  # leaves the rest of the width to the label


def _path_label(tables: Tables, row: dict) -> str:
    """Return Spearman's correlation of the score with the intended parameter in the pictures, where measured."""
    if "dimension_paths" not in tables:
        return ""
    paths = tables["dimension_paths"].filter(pl.col("intended"), dimension=row["dimension"])
    return "".join(f"   ρ {spearman:.2f}" for spearman in paths["spearman"])


def harmonics(tables: Tables) -> "Figure":
    """Draw the shares of each dimension's variance in the group's irreducible representations, as stacked bars."""
    shares = tables["dimension_harmonics"]
    names = shares.select("irrep", "waves_per_turn").unique().iter_rows()
    irreps = sorted((Irrep(*name) for name in names), key=lambda irrep: irrep.rank)
    dimensions = shares["dimension"].unique().sort()
    with figure_style():
        figure, axes = new_figure(max(4.6, 0.32 * len(dimensions) + 1.6), 3.4)
        below = np.zeros(len(dimensions))
        for irrep in irreps:
            of_irrep = shares.filter(irrep=irrep.name).sort("dimension")["share"].to_numpy()
            axes.bar(
                dimensions, of_irrep, bottom=below, width=0.8, color=irrep.colours[0], edgecolor="white", linewidth=0.5,
                label=irrep.label,
            )  # fmt: skip
            below += of_irrep
        axes.set_ylim(0, 1)
        axes.set_yticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
        axes.set_xlim(dimensions[0] - 0.6, dimensions[-1] + 0.6)
        axes.grid(False, axis="x")
        axes.set_xlabel("dimension")
        axes.set_title("Share of a dimension’s variance by irreducible representation")
        figure.legend(loc="outside lower center", ncols=8, fontsize=9, handlelength=1)
    return figure


def dimension_figures(tables: Tables) -> dict[str, "Figure"]:
    """Return {name: figure} for the staged tables of one analysis; no figure contains a photograph."""
    figures = {}
    if _holds(tables, "tuning_scores"):
        figures["tuning_curves"] = tuning_curves(tables)
        if _holds(tables, "dimension_pictures") and "rendered" in tables["dimension_pictures"]["kind"]:
            figures["strips"] = strips(tables)
    if _holds(tables, "dimension_harmonics"):
        figures["harmonics"] = harmonics(tables)
    return figures


def _holds(tables: Tables, table: str) -> bool:
    return table in tables and not tables[table].is_empty()


def completeness_figure(analyses: Mapping[str, Tables]) -> "Figure":
    """Compare methods, by name: variance that the first dimensions explain, and agreement of the network's output.

    The right panel exists where any analysis ran the network. It shows the share of frames that keep their top-1 class
    with only the first dimensions kept (solid), and with these removed (dashed).
    """
    ran_network = any(_holds(tables, "dimension_completeness") for tables in analyses.values())
    with figure_style():
        figure, grid = new_figure(9.6 if ran_network else 5.4, 4.4, columns=2 if ran_network else 1)
        variance, *agreement = np.atleast_1d(grid)
        most = 1
        for (name, tables), marker in zip(analyses.items(), itertools.cycle("osD^vP"), strict=False):
            look = {"color": _search(tables).colours[0], "marker": marker, "markersize": 3.5, "linewidth": 1.5}
            dimensions = tables["tuning_dimensions"].sort("dimension")
            counts = np.arange(len(dimensions) + 1)
            variance.plot(counts, np.append(0, dimensions["cumulative_variance"]), label=name, **look)
            most = max(most, len(dimensions))
            if _holds(tables, "dimension_completeness"):
                rows = tables["dimension_completeness"].sort("dimensions")
                agreement[0].plot(rows["dimensions"], rows["agreement_kept"], **look)
                agreement[0].plot(rows["dimensions"], rows["agreement_removed"], linestyle=(0, (4, 2)), **look)
                most = max(most, rows["dimensions"][-1])
        variance.set_title("Variance explained")
        for axes in agreement:
            axes.set_title("Same top-1 class: kept (solid), removed (dashed)")
        for axes in (variance, *agreement):
            axes.set_xscale("function", functions=(lambda k: np.log2(1 + k), lambda x: 2**x - 1))
            axes.set_xticks([0, *2 ** np.arange(int(np.log2(most)) + 1)])
            axes.minorticks_off()
            axes.set_xlim(-0.08, 1.08 * most)
            axes.set_ylim(min(0, axes.get_ylim()[0]), 1.02)
            axes.set_yticks(np.arange(0, 1.01, 0.25), ["0 %", "25 %", "50 %", "75 %", "100 %"])
            axes.set_xlabel("first dimensions")
        figure.legend(loc="outside lower center", ncols=6, fontsize=9)
    return figure


def _search(tables: Tables) -> DimensionMethod:
    return DimensionMethod(tables["dimension_analyses"]["method"].item())


def identification_figure(analyses: Mapping[str, Tables]) -> "Figure":
    """Draw the largest R² of any dimension by method and parameter, controls below; framed from IDENTIFIED on."""
    ordered = sorted(analyses.items(), key=lambda item: _search(item[1]).is_control)
    best = {
        name: dict(tables["tuning_scores"].group_by("parameter").agg(pl.col("r_squared").max()).iter_rows())
        for name, tables in ordered
    }
    parameters = sorted(
        {name for r_squared in best.values() for name in r_squared}, key=lambda name: Parameter(name).rank
    )
    controls = [_search(tables).is_control for _, tables in ordered]
    # a small gap separates the controls
    heights = [place + 0.35 * control * (not all(controls)) for place, control in enumerate(controls)]
    with figure_style():
        from matplotlib.colors import LinearSegmentedColormap
        from matplotlib.patches import Rectangle

        shade = LinearSegmentedColormap.from_list("r_squared", ["#f4f7fa", PALETTE[0]])
        figure, axes = new_figure(1.15 * len(parameters) + 2.2, 0.46 * len(ordered) + 1.3)
        for r_squared, height in zip(best.values(), heights, strict=True):
            for column, parameter in enumerate(parameters):
                if parameter not in r_squared:
                    continue
                value, corner = r_squared[parameter], (column - 0.47, height - 0.45)
                identified = value >= IDENTIFIED
                axes.add_patch(
                    Rectangle(
                        corner, 0.94, 0.9, facecolor=shade(max(0, value)), edgecolor=INK if identified else "none",
                        linewidth=1.6,
                    )
                )  # fmt: skip
                axes.text(
                    column, height, f"{value:.2f}", ha="center", va="center", fontsize=9.5,
                    fontweight="bold" if identified else "normal", color="white" if value > 0.55 else INK,
                )  # fmt: skip
        axes.set_xlim(-0.5, len(parameters) - 0.5)
        axes.set_ylim(heights[-1] + 0.5, -0.5)
        axes.set_xticks(range(len(parameters)), parameters, color=INK)
        axes.set_yticks(heights, list(best), color=INK)
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.grid(False)
        axes.set_xlabel(f"largest R² of any dimension; framed from {IDENTIFIED}", fontsize=9)
    return figure
