"""What the site says of tuning dimensions: a section a layer and source, in it a strip of pictures a dimension."""

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.report.labels import DimensionMethod, Irrep, Parameter

if TYPE_CHECKING:
    from tasks.report.page import Snapshot

OPEN_STRIPS = 12
IDENTIFIED = 0.9
"""R² from which a dimension is marked as one that follows its parameter."""
SOURCES = {"patches": "natural patches", "gratings": "drawn gratings"}


@dataclass(frozen=True)
class Picture:
    """A picture of a strip: name of its file, and what is known of it."""

    name: str
    title: str


@dataclass(frozen=True)
class Strip:
    """One dimension. row: of `dimension_strips`; rendered, patches: from low to high."""

    row: dict
    rendered: list[Picture]
    patches: list[Picture]

    @property
    def number(self) -> int:
        return self.row["dimension"]

    @property
    def anchor(self) -> str:
        return f"{self.row['dimension_analysis_id'][:12]}-{self.number}"

    @property
    def follows(self) -> Parameter | None:
        return Parameter(self.row["follows"]) if self.row["follows"] else None

    @property
    def scores(self) -> list[dict]:
        return sorted(self.row["scores"], key=lambda score: Parameter(score["parameter"]).rank)

    @property
    def assigned(self) -> bool:
        """To a parameter that it follows more than shuffled labels let it: each parameter gets some dimension."""
        return any(score["assigned"] and score["p_value"] <= 0.05 for score in self.row["scores"])

    @property
    def preferred(self) -> float | None:
        """Degrees at which the score is largest, along the parameter that it follows; None where that has ends."""
        return next(each["preferred"] for each in self.row["scores"] if each["parameter"] == self.row["follows"])

    def curve_numbers(self) -> dict:
        """What its tuning curve is drawn from."""
        return {
            "parameter": self.follows.name,
            "period": self.follows.period,
            "logarithmic": self.follows.is_logarithmic,
            "unit": self.follows.unit,
            "preferred": self.preferred,
        } | {name: [short(value) for value in values] for name, values in self.row["curve"].items()}


@dataclass(frozen=True)
class Analysis:
    """One search. row: of `dimension_analyses`; name: its method, and what sets it apart where that was run again."""

    row: dict
    name: str
    strips: list[Strip]

    @property
    def key(self) -> str:
        return self.row["dimension_analysis_id"]

    @property
    def method(self) -> DimensionMethod:
        return DimensionMethod(self.row["method"])

    @property
    def shown(self) -> list[Strip]:
        """All strips, those assigned to a parameter first."""
        return sorted(self.strips, key=lambda strip: (not strip.assigned, strip.number))

    @cached_property
    def best(self) -> dict[str, tuple[float, Strip]]:
        """By parameter: the largest R² among the dimensions, and whose it is."""
        found = {}
        for strip in self.strips:
            for score in strip.scores:
                name, r_squared = score["parameter"], score["r_squared"]
                if name not in found or r_squared > found[name][0]:
                    found[name] = r_squared, strip
        return found

    @property
    def irreps(self) -> list[Irrep]:
        found = {
            Irrep(each["irrep"], each["waves_per_turn"]) for strip in self.strips for each in strip.row["harmonics"]
        }
        return sorted(found, key=lambda irrep: irrep.rank)

    def harmonics_numbers(self) -> list[list[float]]:
        """What the bars of its irreps are drawn from: of each dimension the shares, in the order of `irreps`."""
        shares = [{each["irrep"]: each["share"] for each in strip.row["harmonics"]} for strip in self.strips]
        return [[short(share.get(irrep.name, 0)) for irrep in self.irreps] for share in shares]

    def line(self, points: list[list[float]], dashed: bool = False) -> dict:
        """A line of a chart: points (dimensions, value)."""
        return {"name": self.name, "class": self.method.css_class, "dashed": dashed, "points": points}


@dataclass(frozen=True)
class Section:
    """All that was searched in the same units and kind of rows. dictionary: None where the units are the neurons."""

    set: dict
    dictionary: dict | None
    source: str
    analyses: list[Analysis]

    @property
    def anchor(self) -> str:
        units = self.dictionary["dictionary_id"] if self.dictionary else self.set["activation_set_id"]
        return f"{self.source}-{units[:12]}"

    @property
    def parameters(self) -> list[Parameter]:
        names = {name for analysis in self.analyses for name in analysis.best}
        return sorted(map(Parameter, names), key=lambda parameter: parameter.rank)

    @property
    def groups(self) -> list[list[Analysis]]:
        """Methods, and then controls."""
        return [list(found) for _, found in groupby(self.analyses, key=lambda analysis: analysis.method.is_control)]

    def best(self, parameter: str) -> Analysis | None:
        """The method, no control, with the largest R²."""
        found = [each for each in self.analyses if parameter in each.best and not each.method.is_control]
        return max(found, key=lambda analysis: analysis.best[parameter][0], default=None)

    def variance_lines(self) -> list[dict]:
        """Lines of the chart of the variance explained by the first dimensions."""
        return [
            each.line([[0, 0]] + [[s.number + 1, short(max(0, s.row["cumulative_variance"]))] for s in each.strips])
            for each in self.analyses
        ]

    def agreement_lines(self) -> list[dict]:
        """Lines of the chart of how often the network's first class stays; none where it was not asked."""
        return [
            each.line([[row["dimensions"], short(row[what])] for row in each.row["completeness"]], what == "removed")
            for each in self.analyses
            if each.row["completeness"]
            for what in ("kept", "removed")
        ]

    @property
    def kinds(self) -> list[DimensionMethod | Irrep]:
        """All that is drawn in a colour of its own."""
        return [kind for each in self.analyses for kind in (each.method, *each.irreps)]

    @property
    def frames(self) -> int:
        """Images on which the network was asked; 0: it was not."""
        return max((row["frames"] for each in self.analyses for row in each.row["completeness"]), default=0)


def short(value: float) -> float:
    return float(f"{value:.4g}")


def picture_title(score: float, degrees: float | None, coherence: float | None, frequency: float | None) -> str:
    """What is known of a picture, in words."""
    said = [f"score {score:.2f}".replace("-", "−")]
    if degrees is not None:
        said.append(f"orientation {degrees:.0f}°")
    if frequency is not None:
        said.append(f"{frequency:.3f} cycles a pixel")
    if coherence is not None:
        said.append(f"coherence {coherence:.2f}")
    return ", ".join(said)


def dimension_sections(snapshot: "Snapshot", folder: Path) -> list[Section]:
    """One section a set, units and source of rows, in the order of the network. Writes the pictures into a folder."""
    pictures = snapshot.export_strips(folder)
    strips = defaultdict(list)
    for row in snapshot.rows("dimension_strips"):
        key = row["dimension_analysis_id"], row["dimension"]
        strips[row["dimension_analysis_id"]].append(Strip(row, pictures[*key, "rendered"], pictures[*key, "patch"]))
    found = defaultdict(list)
    for row in snapshot.rows("dimension_analyses"):
        analysis = Analysis(row, DimensionMethod(row["method"]).label, strips[row["dimension_analysis_id"]])
        found[row["activation_set_id"], row["dictionary_id"], row["source"]].append(analysis)
    order = {each["activation_set_id"]: place for place, each in enumerate(snapshot.sets)}
    return [
        Section(snapshot.sets[order[of]], snapshot.dictionary.get(dictionary), source, told_apart(analyses))
        for (of, dictionary, source), analyses in sorted(found.items(), key=lambda item: order[item[0][0]])
    ]


def told_apart(analyses: list[Analysis]) -> list[Analysis]:
    """In the order of their methods; where one was run more than once, its name says with which components and seed."""
    ordered = sorted(analyses, key=lambda analysis: analysis.method.rank)
    names = [analysis.name for analysis in ordered]
    return [
        replace(each, name=f"{each.name}, {each.row['components']} dimensions, seed {each.row['seed']}")
        if names.count(each.name) > 1
        else each
        for each in ordered
    ]
