"""Figures of families: the map of features, profiles of curve and line families, agreement with stimulus types."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tasks.report.figures.style import INK, PALETTE, SOFT, figure_style, new_figure
from tasks.report.labels import CONDITIONS, SCORES, Stimulus, SymmetryType

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NUMBERED = 15
"""Number of the largest families, which are numbered on the map."""
FAMILIES_OF_A_KIND = 4
MEMBERS_AT_LEAST = 5
CURVES_AND_LINES = {"curve": ("curve",), "line and grating": ("line", "grating")}
"""Stimulus types that repeat after a full turn, and those that repeat after half a turn."""


def feature_map(members: pl.DataFrame, kinds: Sequence[SymmetryType | Stimulus]) -> "Figure":
    """Draw all features of an analysis on their map, coloured by kind, with the numbers of the largest families.

    members: rows of `feature_families`; kinds: the symmetry type or stimulus type of each row's feature.
    """
    x, y = members["map_x"].to_numpy(), members["map_y"].to_numpy()
    distinct: list[SymmetryType | Stimulus] = sorted(set(kinds), key=lambda kind: kind.rank)
    with figure_style():
        figure, axes = new_figure(8.2, 6.4)
        for kind in distinct:
            of_kind = np.array([other == kind for other in kinds])
            axes.scatter(
                x[of_kind], y[of_kind], s=9 if len(members) > 400 else 26, color=kind.colours[0], alpha=0.75,
                linewidth=0, label=f"{kind.label} ({of_kind.sum():,})",
            )  # fmt: skip
        largest = members.drop_nulls("family").filter(pl.col("family") < NUMBERED)
        for family, of_family in sorted(largest.group_by("family")):
            axes.annotate(
                str(family[0]), (of_family["map_x"].median(), of_family["map_y"].median()), ha="center", va="center",
                fontsize=8, color=INK, bbox={"boxstyle": "round,pad=0.18", "fc": "white", "ec": SOFT, "lw": 0.5},
            )  # fmt: skip
        axes.set_aspect("equal", adjustable="datalim")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        grouped = members["family"].drop_nulls()
        axes.set_title(f"{len(members):,} features, {len(grouped):,} of them in {grouped.n_unique():,} families")
        figure.legend(
            loc="outside lower center", ncols=min(5, len(distinct)), fontsize=9, markerscale=1.8, handletextpad=0.2
        )
    return figure


def families_answering(shapes: pl.DataFrame, members: pl.DataFrame, *kinds: str) -> pl.DataFrame:
    """Return rows of `family_shapes` of which more than half of the members have one of these stimulus types.

    The largest families come first; those with fewer than MEMBERS_AT_LEAST members are left out.
    """
    counts = members.filter(pl.col("stimulus_type").is_in(kinds)).group_by("family").agg(answering=pl.len())
    enough = (pl.col("answering") > pl.col("size") / 2) & (pl.col("size") >= MEMBERS_AT_LEAST)
    return shapes.drop_nulls("profile").join(counts, on="family").filter(enough).sort("family")


def peaks(profile: np.ndarray) -> int:
    """Count the peaks of a circular profile [n], whose first value is the identity's own 1.

    A peak is a rise above the midpoint between the least value and the largest value beside the identity's.
    """
    above = profile > (profile[1:].max() + profile.min()) / 2
    return int((above & ~np.roll(above, 1)).sum())


def curves_and_lines(shapes: pl.DataFrame, members: pl.DataFrame) -> "Figure":
    """Draw mean profiles of the largest families of CURVES_AND_LINES, each with the middle 80 % of its members.

    shapes, members: rows of `family_shapes` and `feature_families` of one analysis. A family counts for a stimulus type
    that more than half of its members have. A curve repeats after a full turn and has one peak, a line has two.
    """
    families_of = {name: families_answering(shapes, members, *kinds) for name, kinds in CURVES_AND_LINES.items()}
    columns = max(1, *(min(len(families), FAMILIES_OF_A_KIND) for families in families_of.values()))
    with figure_style():
        figure, grid = new_figure(max(5.4, 2.5 * columns + 0.8), 5.0, rows=2, columns=columns, share=True)
        for row, (name, families) in enumerate(families_of.items()):
            counts = np.bincount([peaks(np.array(profile)) for profile in families["profile"]], minlength=1)
            said = [f"{count} with {peaks_said(number)}" for number, count in enumerate(counts) if count]
            for axes, family in zip(
                grid[row * columns : (row + 1) * columns], families.iter_rows(named=True), strict=False
            ):
                _draw_profile(axes, family, Stimulus(CURVES_AND_LINES[name][-1]).colours[0])
            for axes in grid[row * columns + len(families) : (row + 1) * columns]:
                axes.axis("off")
            grid[row * columns].annotate(
                f"{name} families: {', '.join(said) or 'none found'}", (0, 1), xytext=(0, 24), xycoords="axes fraction",
                textcoords="offset points", fontsize=11, color=INK, annotation_clip=False,
            ).set_in_layout(False)  # fmt: skip
        figure.get_layout_engine().set(hspace=0.14, rect=(0, 0, 1, 0.94))
        figure.supxlabel("rotation of the image   (mean; middle 80 % of members)", fontsize=10, color=SOFT)
        figure.supylabel("cosine to the identity block", fontsize=10, color=SOFT)
    return figure


def peaks_said(number: int) -> str:
    return f"{number} peak" if number == 1 else f"{number} peaks"


def _draw_profile(axes, family: dict, colour: str) -> None:
    profile = np.array(family["profile"])
    n = len(profile)
    around = np.arange(-(n // 4), n - n // 4 + 1)  # starts a quarter turn before the identity, so that no peak is split
    low, high = (np.array(family[f"profile_{end}"])[around % n] for end in ("low", "high"))
    axes.fill_between(around * 360 / n, low, high, color=colour, alpha=0.22, linewidth=0)
    axes.plot(around * 360 / n, profile[around % n], color=colour, marker="o" if n <= 16 else None, markersize=3)
    axes.plot(0, 1, color=colour, marker="o", markersize=3.5)
    axes.set_title(f"family {family['family']}", fontsize=9.5, color=colour, pad=5)
    label = f"{family['size']} members\n{peaks_said(peaks(profile))}"
    axes.text(0.98, 0.97, label, transform=axes.transAxes, fontsize=8.5, color=SOFT, ha="right", va="top")
    axes.set_xlim(-95, 275)
    axes.set_ylim(top=1.05)
    axes.set_xticks([-90, 0, 90, 180, 270], ["−90°", "0°", "90°", "180°", "270°"], fontsize=8.5)


def separation_figure(subjects: Sequence[tuple[str, pl.DataFrame]]) -> "Figure":
    """Draw how well families agree with stimulus types: each dictionary, with its controls below it.

    subjects: (label, rows of `family_scores` of one analysis). A dot is a training seed, a bar their mean; the dotted
    line is the agreement of random neighbours.
    """
    rows = [
        (
            label if name == "features" else control,
            colour if name == "features" else SOFT,
            scores.filter(condition=name),
        )
        for (label, scores), colour in zip(subjects, PALETTE, strict=False)
        for name, control in CONDITIONS.items()
        if name in scores.filter(pl.col("metric").is_in(SCORES.keys()))["condition"]
    ]
    with figure_style():
        figure, grid = new_figure(11.0, 1.1 + 0.34 * len(rows), columns=len(SCORES))
        for axes, (metric, (title, _)) in zip(grid, SCORES.items(), strict=True):
            for place, (_, colour, scores) in enumerate(rows):
                values = scores.filter(metric=metric)["value"].to_numpy()
                if not len(values):  # a control without families has no purity
                    continue
                axes.scatter(
                    values, np.full(len(values), place), s=30, facecolor="none" if colour == SOFT else colour,
                    edgecolor=colour, linewidth=1.1, alpha=0.7, zorder=3,
                )  # fmt: skip
                axes.plot(np.full(2, values.mean()), [place - 0.3, place + 0.3], color=colour, linewidth=2.2, zorder=2)
                if metric == "neighbour_agreement":
                    chance = scores.filter(metric="neighbour_chance")["value"].mean()
                    axes.plot([chance] * 2, [place - 0.4, place + 0.4], color=INK, linewidth=1, linestyle=(0, (1, 1.5)))
            axes.set_title(title, fontsize=10)
            axes.set_xlim(left=min(0, axes.get_xlim()[0]))
            axes.axvline(0, color=SOFT, linewidth=0.8, zorder=1)
            axes.set_yticks(range(len(rows)), [label for label, _, _ in rows] if axes is grid[0] else [])
            axes.set_ylim(len(rows) - 0.4, -0.6)
            axes.tick_params(axis="y", length=0)
            axes.grid(False, axis="y")
            axes.spines["left"].set_visible(False)
        for label, (_, colour, _) in zip(grid[0].get_yticklabels(), rows, strict=True):
            label.set_color(colour)
    return figure


def family_figures(tables: Mapping[str, pl.DataFrame]) -> dict[str, "Figure"]:
    """Return {name: figure} for the staged tables of one analysis; scores may be missing."""
    members, shapes = tables["feature_families"], tables["family_shapes"]
    figures = {}
    if members["stimulus_type"].count():
        figures["family_map"] = feature_map(members, [Stimulus(name) for name in members["stimulus_type"]])
    if any(len(families_answering(shapes, members, *kinds)) for kinds in CURVES_AND_LINES.values()):
        figures["curves_and_lines"] = curves_and_lines(shapes, members)
    if "family_scores" in tables and "adjusted_rand" in tables["family_scores"]["metric"]:
        figures["family_separation"] = separation_figure([("features", tables["family_scores"])])
    return figures
