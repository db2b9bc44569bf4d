"""Figures of attack experiments: scores by ε and by share of perturbed images, transfer, facets, pictures."""

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from PIL import Image

from tasks.report.figures.style import INK, PALETTE, RULE, SOFT, figure_style, new_figure
from tasks.report.labels import FACET_COLUMNS, SHOWN_EPSILON, Attack
from tasks.report.snapshot import QUERIES
from tasks.warehouse.database import create_view, in_memory

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Tables = Mapping[str, pl.DataFrame]
"""Staged tables of one analysis and the `concepts` that it names, by name as in `sql/schema`."""

ACROSS = 3
"""Largest number of panels in a row."""
SET = ("perturbed_set", "attack", "epsilon", "fraction")
PLACE = ("eval_network", "eval_layer")


def effect_figure(experiments: Mapping[str, Tables]) -> "Figure":
    """Draw the score at the attacked layer against ε, for the largest fraction; a panel for each experiment, by name.

    Bands and whiskers: 95 % interval over the random sets and the photographs of the class. Hollow points: no evidence.
    Grey band: mean ± one standard deviation of the random CAVs' scores. Horizontal line: the clean score.
    """
    with figure_style():
        figure, grid = _panels(len(experiments))
        for axes, (name, tables) in zip(grid, experiments.items(), strict=True):
            scores = _scores_at_attacked(tables)
            _draw_lines(axes, _largest_fraction(scores), "epsilon")
            _draw_clean(axes, _clean(scores))
            epsilons = sorted(set(scores["epsilon"]) - {0})
            axes.set_xscale("log", base=2)
            axes.set_xticks(epsilons, [str(epsilon) for epsilon in epsilons])
            axes.minorticks_off()
            axes.set_xlim(epsilons[0] / 1.15, epsilons[-1] * 1.15)
            axes.set_xlabel("ε, steps of 1/255")
            axes.set_title(name)
        _finish(figure, grid)
    return figure


def fraction_figure(tables: Tables) -> "Figure":
    """Draw the score at the attacked layer against the share of perturbed images, at the ε of `shown_epsilon`.

    Lines and bands as in `effect_figure`.
    """
    scores, epsilon = _scores_at_attacked(tables), shown_epsilon(tables)
    with figure_style():
        figure, axes = new_figure(5.2, 4.2)
        at = scores.filter(pl.col("epsilon") == epsilon)
        clean = _clean(scores)
        # each line starts at the clean score, fraction 0
        parts = [at, *(clean.with_columns(perturbed_set=pl.lit(s), attack=pl.lit(a)) for s, a in _attacks(at))]
        _draw_lines(axes, pl.concat(parts).sort("fraction"), "fraction")
        _draw_clean(axes, clean)
        shares = sorted({0.0, *at["fraction"]})
        axes.set_xticks(shares, [f"{share:.0%}" for share in shares])
        axes.set_xlim(-0.04, 1.04)
        axes.set_xlabel("share of perturbed images")
        axes.set_title(f"ε = {epsilon}/255")
        _finish(figure, [axes])
    return figure


def transfer_figure(tables: Tables) -> "Figure":
    """Draw the scores of the largest fraction's sets at every evaluation layer, at the ε of `shown_epsilon`.

    The colour is the change from the clean score at the same layer; a frame marks a flipped verdict.
    """
    scores, epsilon = _scores(tables), shown_epsilon(tables)
    measured = ("score", "verdict", "verdict_flipped")
    clean = {row[:2]: row[2:] for row in _clean(scores).select(*PLACE, *measured).iter_rows()}
    places = _places(tables, list(clean))
    largest = _largest_fraction(scores.filter(pl.col("epsilon") == epsilon))
    rows = [("concept", "clean"), *_attacks(largest)]
    columns = ("perturbed_set", "attack", *PLACE, *measured)
    cells = {row[:4]: row[4:] for row in largest.select(columns).iter_rows()}
    cells |= {(*rows[0], *place): value for place, value in clean.items()}
    home = tables["attack_experiments"].select("network", "layer").row(0)
    # a small gap separates the networks
    networks = list(dict.fromkeys(network for network, _ in places))
    lefts = {place: number + 0.35 * networks.index(place[0]) for number, place in enumerate(places)}
    with figure_style():
        from matplotlib.colors import LinearSegmentedColormap
        from matplotlib.patches import Rectangle

        shade = LinearSegmentedColormap.from_list("change", [PALETTE[1], "#ffffff", PALETTE[0]])
        figure, axes = new_figure(1.1 * max(lefts.values()) + 3.4, 0.52 * len(rows) + 1.9)
        for height, attack in enumerate(rows):
            for place, column in lefts.items():
                if (*attack, *place) not in cells:
                    continue
                score, verdict, flipped = cells[*attack, *place]
                clean_score, clean_verdict, _ = clean[place]
                axes.add_patch(
                    Rectangle(
                        (column - 0.47, height - 0.45), 0.94, 0.9, facecolor=shade(0.5 + 0.42 * (score - clean_score)),
                        edgecolor=INK if flipped else RULE, linewidth=1.7 if flipped else 0.6, zorder=2 + flipped,
                    )
                )  # fmt: skip
                shows_verdict = verdict != clean_verdict or height == 0
                axes.text(
                    column, height - 0.12 * shows_verdict, f"{score:.2f}", ha="center", va="center", fontsize=9.5,
                    fontweight="bold" if flipped else "normal", zorder=4,
                )  # fmt: skip
                if shows_verdict:
                    axes.text(column, height + 0.25, verdict, ha="center", va="center", fontsize=7, zorder=4)
        for network in networks:
            middle = np.mean([column for place, column in lefts.items() if place[0] == network])
            axes.annotate(
                network, (middle, -0.5), xytext=(0, 34), textcoords="offset points", ha="center", fontsize=9, color=SOFT
            )  # fmt: skip
        axes.set_xlim(-0.5, max(lefts.values()) + 0.5)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xticks([*lefts.values()], [place[1] + "\n(here)" * (place == home) for place in places])
        axes.set_yticks(range(len(rows)), [Attack(*attack).label for attack in rows])
        axes.xaxis.tick_top()
        axes.tick_params(length=0, labelcolor=INK, labelsize=9)
        axes.spines[:].set_visible(False)
        axes.grid(False)
        axes.set_xlabel(f"evaluation layer; ε = {epsilon}/255, framed where the verdict flipped", fontsize=9)
    return figure


def facet_figure(tables: Tables) -> "Figure":
    """Draw a facet study: a row for each facet, a column for each attack; under a picture the clean probes' logits."""
    names = dict(tables["concepts"].select("concept_id", "name").iter_rows())
    # a positive attack has a picture, and so a column, for each target
    nth = pl.int_range(pl.len()).over("facet_id", "attack")
    pictures = tables["facet_pictures"].sort("place").with_columns(nth=nth)
    facets = pictures["facet_id"].drop_nulls().unique(maintain_order=True).to_list()
    order = ["plain", *FACET_COLUMNS]
    columns = sorted(
        pictures.select("attack", "nth").unique().rows(), key=lambda column: (order.index(column[0]), column[1])
    )
    logits: dict[int, dict[str, float]] = {}
    for place, facet, logit in tables["facet_readings"].select("place", "facet_id", "logit").iter_rows():
        logits.setdefault(place, {})[names[facet]] = logit
    with figure_style():
        figure, grid = new_figure(
            2.05 * len(columns) + 0.5, (2.65 + 0.15 * len(facets)) * len(facets) + 0.3, len(facets), len(columns)
        )
        for axes in grid:
            axes.set_axis_off()
        for picture in pictures.iter_rows(named=True):
            row = facets.index(picture["facet_id"]) if picture["facet_id"] else 0
            axes = grid[row * len(columns) + columns.index((picture["attack"], picture["nth"]))]
            _draw_faceted(axes, picture, names, logits[picture["place"]])
    return figure


def _draw_faceted(axes, picture: dict, names: Mapping[str, str], logits: Mapping[str, float]) -> None:
    axes.imshow(_decoded(picture["picture"]))
    title = "plain"
    if picture["facet_id"]:
        done = (
            f"attacked towards {names[picture['target_facet_id']]}"
            if picture["target_facet_id"]
            else FACET_COLUMNS[picture["attack"]]
        )
        title = f"{names[picture['facet_id']]}\n{done}"
    axes.set_title(title, fontsize=8.5, loc="center", pad=4)
    logit_lines = "\n".join(
        f"{name} {logit:.{1 if abs(logit) < 100 else 0}f}".replace("-", "−") for name, logit in sorted(logits.items())
    )
    probe = f"\nprobe accuracy {picture['accuracy']:.0%}" if picture["facet_id"] else ""
    axes.text(0.5, -0.04, logit_lines + probe, transform=axes.transAxes, ha="center", va="top", fontsize=8, color=SOFT)


def attack_sheet(tables: Tables, perturbed_set: str, attack: str, epsilon: int) -> "Figure":
    """Draw some images of the largest fraction's set: clean, attacked and their difference. Contains photographs.

    perturbed_set, attack, epsilon: as in table `attacks`.
    """
    pictures = (
        tables["attack_pictures"].filter(perturbed_set=perturbed_set, attack=attack, epsilon=epsilon).sort("place")
    )
    scores = _scores_at_attacked(tables)
    clean = _clean(scores).row(0, named=True)
    after = (
        _largest_fraction(scores).filter(perturbed_set=perturbed_set, attack=attack, epsilon=epsilon).row(0, named=True)
    )
    changes = tables["attacks"].filter(**{name: after[name] for name in SET}).row(0, named=True)
    with figure_style():
        figure, grid = new_figure(1.9 * len(pictures) + 0.9, 6.4, rows=3, columns=len(pictures))
        figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02)
        for row, column in enumerate(("clean", "attacked", "difference")):
            for axes, picture in zip(grid[row * len(pictures) :], pictures[column], strict=False):
                axes.imshow(_decoded(picture))
                axes.set_xticks([])
                axes.set_yticks([])
                axes.grid(False)
                axes.spines[:].set_visible(False)
            grid[row * len(pictures)].set_ylabel(column, color=INK)
        figure.suptitle(
            f"{Attack(perturbed_set, attack).label}, ε = {epsilon}/255: "
            f"score {clean['score']:.2f} ({clean['verdict']}) → "
            f"{after['score']:.2f} ({after['verdict']}); {changes['psnr']:.1f} dB",
            fontsize=10,
        )  # fmt: skip
    return figure


def shown_epsilon(tables: Tables) -> int:
    """Return the largest ε up to `SHOWN_EPSILON`, or the least one."""
    epsilons = sorted(set(tables["attacks"]["epsilon"]) - {0})
    return max((epsilon for epsilon in epsilons if epsilon <= SHOWN_EPSILON), default=epsilons[0])


def _scores(tables: Tables) -> pl.DataFrame:
    """Return the scores with their intervals and verdicts, by the page's query over the view `attack_by_layer`."""
    with in_memory(tables) as connection:
        create_view(connection, "attack_by_layer")
        return connection.execute((QUERIES / "attack_scores.sql").read_text(encoding="utf-8")).pl()


def _scores_at_attacked(tables: Tables) -> pl.DataFrame:
    """Return the scores at the attacked layer."""
    network, layer = tables["attack_experiments"].select("network", "layer").row(0)
    return _scores(tables).filter(eval_network=network, eval_layer=layer)


def _clean(scores: pl.DataFrame) -> pl.DataFrame:
    return scores.filter(attack="clean")


def _largest_fraction(scores: pl.DataFrame) -> pl.DataFrame:
    """Return the scores of perturbed sets of the largest fraction."""
    return scores.filter(pl.col("attack") != "clean", pl.col("fraction") == pl.col("fraction").max()).sort("epsilon")


def _attacks(scores: pl.DataFrame) -> list[tuple[str, str]]:
    attacks = scores.filter(pl.col("attack") != "clean").select("perturbed_set", "attack").unique().rows()
    return sorted(attacks, key=lambda attack: Attack(*attack).rank)


def _places(tables: Tables, eval_layers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Sort evaluation layers: the attacked network first, its layers by receptive field."""
    home = tables["attack_experiments"]["network"].item()
    layers = tables["layers"].select("network", "layer", "receptive_field").iter_rows()
    receptive_field = {(network, layer): side for network, layer, side in layers}
    return sorted(eval_layers, key=lambda place: (place[0] != home, place[0], receptive_field[place], place[1]))


def _panels(count: int) -> tuple["Figure", list]:
    across = min(ACROSS, count)
    down = -(-count // across)
    figure, grid = new_figure(4.3 * across + 0.4, 3.5 * down + 0.7, rows=down, columns=across)
    grid = list(np.atleast_1d(grid))
    for axes in grid[count:]:
        axes.remove()
    return figure, grid[:count]


def _draw_lines(axes, scores: pl.DataFrame, along: str) -> None:
    for perturbed_set, name in _attacks(scores):
        rows, attack = scores.filter(perturbed_set=perturbed_set, attack=name), Attack(perturbed_set, name)
        colour, style = attack.colours[0], (0, (4, 2.5)) if attack.is_control else "-"
        where, score, low, high = (rows[column].to_numpy() for column in (along, "score", "low", "high"))
        if not attack.is_control:
            axes.fill_between(where, low, high, color=colour, alpha=0.12, linewidth=0)
        axes.vlines(where, low, high, color=colour, linewidth=0.9, alpha=0.6)
        axes.plot(where, score, color=colour, linestyle=style, label=attack.label)
        evidence = rows["verdict"].to_numpy() != "no evidence"
        axes.scatter(where, score, s=26, zorder=3, edgecolor=colour, color=np.where(evidence, colour, "white"))


def _draw_clean(axes, clean: pl.DataFrame) -> None:
    row = clean.row(0, named=True)
    low, high = row["random_score"] - row["random_score_std"], row["random_score"] + row["random_score_std"]
    axes.axhspan(max(0, low), min(1, high), color=SOFT, alpha=0.15, linewidth=0, zorder=0)
    axes.axhline(row["score"], color=INK, linewidth=1, zorder=1, label=Attack("concept", "clean").label)


def _finish(figure: "Figure", grid: list) -> None:
    for axes in grid:
        axes.set_ylim(-0.03, 1.03)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])
    grid[0].set_ylabel("TCAV score")
    labels = {label: line for axes in grid for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(labels.values(), labels.keys(), loc="outside lower center", ncols=min(4, 2 * len(grid)), fontsize=9)


def _decoded(picture: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))
