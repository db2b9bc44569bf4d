"""Figures of a trained dictionary, for MLflow and the documents, as matplotlib objects without global state."""

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from tasks.report.figures.style import INK, PALETTE, SOFT, figure_style, new_figure, whole_number_ticks
from tasks.report.labels import SymmetryType
from tasks.symmetry.group import DihedralGroup
from tasks.symmetry.scales import ScaleRange
from tasks.symmetry.transformations import Transformations

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROTATION, REFLECTION = "#0067b5", "#c4421a"
CURVES = {
    "fvu": ("Fraction of variance unexplained", "#0067b5"),
    "dead_fraction": ("Features inactive lately, share", "#c4421a"),
    "l0": ("Active features per row (L0)", "#00806a"),
}


def profile_polar(profile: np.ndarray, group: DihedralGroup, title: str) -> "Figure":
    """Draw one feature's profile [|G|]: the radius is cos(d^e, d^g), the angle is the rotation in g.

    The ring marks cosine 0; negative cosines lie inside it. Filled: rotations r^k; dashed: reflections r^k s, if any.
    """
    with figure_style():
        figure, axes = new_figure(4.6, 4.9, polar=True)
        angles = np.radians(group.rotation_degrees(group.elements[: group.n_rotations]))
        around = np.append(angles, 2 * np.pi)
        rotations, *reflections = (np.append(half, half[0]) for half in profile.reshape(-1, group.n_rotations))
        lowest = min(0.0, np.floor(profile.min() * 4) / 4)

        axes.fill(around, rotations, color=ROTATION, alpha=0.10, linewidth=0)
        axes.plot(around, rotations, color=ROTATION, marker="o", markersize=3, label="rotations")
        for half in reflections:
            axes.plot(
                around, half, color=REFLECTION, linewidth=1.3, linestyle=(0, (4, 2)), marker="o", markersize=2.4,
                label="reflections",
            )  # fmt: skip
        axes.plot(np.linspace(0, 2 * np.pi, 181), np.zeros(181), color=SOFT, linewidth=0.9)
        axes.set_rlim(lowest, 1.05)
        axes.set_rgrids([radius for radius in (0.0, 0.5, 1.0) if radius >= lowest], angle=112.5, fontsize=8)
        axes.set_thetagrids(np.arange(0, 360, 45))
        axes.spines["polar"].set_visible(False)
        axes.set_title(title, pad=16, x=-0.08)
        axes.legend(loc="upper left", bbox_to_anchor=(-0.1, -0.07), ncols=2, fontsize=9, handlelength=2.2)
    return figure


def type_counts(types: Sequence[str]) -> "Figure":
    """Draw the number of live features of each symmetry type."""
    distinct, counts = np.unique(list(types), return_counts=True)
    ordered = sorted(zip(distinct, counts, strict=True), key=lambda pair: SymmetryType(pair[0]).rank, reverse=True)
    with figure_style():
        figure, axes = new_figure(6.2, 1.1 + 0.42 * len(ordered))
        names = [SymmetryType(name) for name, _ in ordered]
        values = [int(count) for _, count in ordered]
        bars = axes.barh([name.label for name in names], values, color=[name.colours[0] for name in names], height=0.66)
        total = sum(values)
        labels = [f"{value:,}  ({value / total:.0%})" for value in values]
        axes.bar_label(bars, labels, padding=5, fontsize=9, color=INK)
        axes.set_xlim(0, 1.22 * max(values))
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.set_xticks([])
        axes.grid(False)
        axes.set_title(f"Symmetry types of {total:,} live features")
    return figure


def _horizontal(axes: Any, group: Transformations) -> str:
    """Set the horizontal axis to rotations from 0° to 360° or to scales, and return its title."""
    if isinstance(group, ScaleRange):
        octaves = np.linspace(-group.octaves, group.octaves, 5)
        axes.set_xlim(-group.octaves, group.octaves)
        axes.set_xticks(octaves, [f"{2**octave:.3g}×" for octave in octaves])
        return "size of the image"
    axes.set_xlim(0, 360)
    axes.set_xticks([0, 90, 180, 270, 360], ["0°", "90°", "180°", "270°", ""])
    return "rotation of the hue" if group.transformations == "hue" else "rotation of the image"


def mean_profiles(profiles: np.ndarray, types: Sequence[str], group: Transformations) -> "Figure":
    """Draw each type's median profile over rotations or scales, and the middle 50 % and 90 % of its features.

    profiles: [features, |G|]. The cosine at the identity, 1 by definition, is drawn as a separate point.
    """
    names = sorted(map(SymmetryType, set(types)), key=lambda name: name.rank)
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    scales = group if isinstance(group, ScaleRange) else None
    turned = scales.ascending if scales else np.arange(1, group.n_rotations)
    places = scales.octaves_of(turned) if scales else group.rotation_degrees(turned)
    with figure_style():
        figure, grid = new_figure(
            max(5.6, 3.0 * columns + 0.6), 2.35 * rows + 0.7, rows=rows, columns=columns, share=True
        )
        for axes, name in zip(grid, names, strict=False):
            of_type = profiles[np.array(types) == name.name][:, turned]
            colour = name.colours[0]
            for low, high, alpha in ((5, 95, 0.13), (25, 75, 0.22)):
                axes.fill_between(
                    places, *np.percentile(of_type, [low, high], axis=0), color=colour, alpha=alpha, linewidth=0
                )
            marker = "o" if len(turned) < 16 else None
            axes.plot(places, np.median(of_type, axis=0), color=colour, marker=marker, markersize=3)
            whole = [0] if scales else [0, 360]
            axes.plot(
                whole, np.ones(len(whole)), color=colour, marker="o", markersize=3.5, linestyle="none", clip_on=False
            )
            axes.set_title(name.label, fontsize=10, color=colour)
            axes.set_title(f"{len(of_type):,} features", loc="right", fontsize=9, color=SOFT)
            title = _horizontal(axes, group)
            axes.set_ylim(min(0.0, np.percentile(profiles, 1)), 1.02)
        for axes in grid[len(names) :]:
            axes.remove()
        meaning = f"{title}   (median; middle 50 % and 90 %)"
        figure.supxlabel(meaning, fontsize=10, color=SOFT)
        figure.supylabel("cosine to the identity block", fontsize=10, color=SOFT)
    return figure


def training_curves(history: pl.DataFrame) -> "Figure":
    """Draw FVU, L0 and the share of features that did not fire for `dead_after_rows` rows, against the step.

    history: step, metric, value.
    """
    with figure_style():
        figure, grid = new_figure(10.2, 3.0, columns=len(CURVES))
        for axes, (metric, (label, colour)) in zip(grid, CURVES.items(), strict=True):
            curve = history.filter(pl.col("metric") == metric).sort("step")
            steps, values = curve["step"].to_numpy(), curve["value"].to_numpy()
            axes.plot(steps, values, color=colour)
            if len(values):
                axes.annotate(
                    f"{values[-1]:.3g}", (steps[-1], values[-1]), xytext=(6, 0), textcoords="offset points",
                    va="center", color=colour, fontsize=9, annotation_clip=False,
                )  # fmt: skip
            axes.set_title(label, fontsize=10)
            axes.set_xlabel("step")
            axes.set_ylim(bottom=0)
            axes.margins(x=0.02)
            axes.xaxis.set_major_locator(whole_number_ticks(4))
    return figure


def block_fvu(fvu: np.ndarray, group: Transformations) -> "Figure":
    """Draw the fraction of variance unexplained in every transform block, fvu [|G|], against rotation or scale."""
    with figure_style():
        figure, axes = new_figure(6.6, 3.3)
        if isinstance(group, ScaleRange):
            angles, rotations, reflections = group.octaves_of(group.ascending), np.asarray(fvu)[group.ascending], []
        else:
            angles = group.rotation_degrees(group.elements[: group.n_rotations])
            rotations, *reflections = np.asarray(fvu).reshape(-1, group.n_rotations)
        label = "scales" if isinstance(group, ScaleRange) else "rotations"
        axes.plot(angles, rotations, color=ROTATION, marker="o", markersize=4, label=label)
        for half in reflections:
            axes.plot(
                angles, half, color=REFLECTION, linestyle=(0, (4, 2)), linewidth=1.3, marker="o", markersize=3.2,
                label="reflections",
            )  # fmt: skip
        axes.set_ylim(0, 1.15 * max(np.max(fvu), 1e-9))
        axes.set_xlabel(_horizontal(axes, group))
        if not isinstance(group, ScaleRange):
            axes.set_xlim(-6, 360)
            axes.set_xticks(np.arange(0, 361, 45), [f"{angle}°" for angle in range(0, 361, 45)])
        axes.set_title("Variance unexplained (FVU) in each block")
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2, fontsize=9, borderaxespad=0.3)
    return figure


def density_histogram(density: np.ndarray) -> "Figure":
    """Draw a histogram of the live features' density on a log10 axis; a title states the number of dead features.

    density: share of rows on which each feature is active.
    """
    live = density[density > 0]
    with figure_style():
        figure, axes = new_figure(6.2, 3.2)
        exponents = np.log10(live)
        lowest = np.floor(exponents.min() * 2) / 2 if len(live) else -1.0
        axes.hist(exponents, bins=np.linspace(lowest, 0, 41), color=ROTATION, edgecolor="white", linewidth=0.6)
        ticks = np.arange(np.ceil(lowest), 1)
        axes.set_xticks(ticks, [f"$10^{{{tick:.0f}}}$" if tick else "1" for tick in ticks])
        axes.set_xlim(lowest, 0)
        axes.grid(False, axis="x")
        axes.yaxis.set_major_locator(whole_number_ticks(5))
        axes.set_xlabel("share of rows on which a feature is active")
        axes.set_ylabel("features")
        axes.set_title(f"Density of {len(live):,} live features")
        axes.set_title(f"{len(density) - len(live):,} dead", loc="right", fontsize=9, color=SOFT)
    return figure


def dictionary_figures(tables: Mapping[str, pl.DataFrame], group: Transformations) -> dict[str, "Figure"]:
    """Return {name: figure} for the staged tables of one dictionary.

    tables: by name, as in sql/schema. An SAE has no transform blocks and so no figures of symmetry.
    """
    figures = {"density": density_histogram(tables["features"]["density"].to_numpy())}
    if not tables["training_steps"].is_empty():  # an imported dictionary was not trained here
        figures["training"] = training_curves(tables["training_steps"])
    if "feature_symmetry" in tables and not tables["feature_symmetry"].is_empty():
        blocks = tables["transform_blocks"].sort("feature", "element")
        profiles = blocks["cosine_to_identity"].to_numpy().reshape(-1, group.order)
        symmetry = tables["feature_symmetry"].sort("feature")
        figures |= {
            "block_fvu": block_fvu(tables["block_metrics"].sort("element")["fvu"].to_numpy(), group),
            "symmetry_types": type_counts(symmetry["type"].to_list()),
            "profiles": mean_profiles(profiles, symmetry["type"].to_list(), group),
        }
    return figures


def pareto(scores: Sequence[tuple[str, float, float]]) -> "Figure":
    """Draw FVU against L0 of dictionaries, (name, L0, FVU) each; a line joins those on the Pareto front."""
    names = list(dict.fromkeys(name for name, _, _ in scores))
    front, best = [], np.inf
    for _, l0, fvu in sorted(scores, key=lambda score: score[1:]):
        if fvu < best:
            front.append((l0, fvu))
            best = fvu
    with figure_style():
        figure, axes = new_figure(6.2, 4.2)
        axes.plot(*zip(*front, strict=True), color=SOFT, linewidth=1.2, zorder=1)
        for name, colour, marker in zip(names, itertools.cycle(PALETTE), itertools.cycle("osD^vP"), strict=False):
            of_name = [(l0, fvu) for other, l0, fvu in scores if other == name]
            axes.scatter(*zip(*of_name, strict=True), color=colour, marker=marker, s=42, label=name, zorder=2)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_ylim(bottom=0)
        axes.set_xlabel("active features per row (L0)")
        axes.set_title("Fraction of variance unexplained, test split")
        figure.legend(loc="outside lower center", ncols=4, fontsize=9)
    return figure
