"""The page of tuning dimensions: a section for each layer and source, with a strip of pictures for each dimension."""

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from pathlib import Path

from tasks.report.labels import IDENTIFIED, DimensionMethod, Irrep, Parameter
from tasks.report.pages.writer import PageWriter
from tasks.report.snapshot import Snapshot, written_once
from tasks.report.text import four_digits

OPEN_STRIPS = 12
SOURCES = {"patches": "natural patches", "gratings": "drawn gratings"}


@dataclass(frozen=True)
class Picture:
    """A picture of a strip: the name of its file, and its title."""

    name: str
    title: str


@dataclass(frozen=True)
class Strip:
    """One dimension. row: of `dimension_strips`; rendered, patches: pictures from low to high score."""

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
        """Whether a parameter is assigned to it at p ≤ 0.05; the assignment alone gives every parameter a dimension."""
        return any(score["assigned"] and score["p_value"] <= 0.05 for score in self.row["scores"])

    @property
    def preferred(self) -> float | None:
        """Degrees of the followed parameter at which the score is largest; None where it is not circular."""
        return next(score["preferred"] for score in self.row["scores"] if score["parameter"] == self.row["follows"])

    @property
    def cumulative_variance(self) -> float:
        """Share of variance that this dimension and those before it explain, at least 0, for a chart."""
        return four_digits(max(0, self.row["cumulative_variance"]))

    def curve_numbers(self) -> dict:
        """Return the data of its tuning curve; only for a dimension that follows a parameter."""
        followed = Parameter(self.row["follows"])
        return {
            "parameter": followed.name,
            "period": followed.period,
            "logarithmic": followed.is_logarithmic,
            "unit": followed.unit,
            "preferred": self.preferred,
        } | {name: [four_digits(value) for value in values] for name, values in self.row["curve"].items()}


@dataclass(frozen=True)
class DimensionAnalysis:
    """One search. row: of `dimension_analyses`; name: its method, with components and seed where it was run again."""

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
        """{parameter: (largest R² of any dimension, that dimension)}."""
        best: dict[str, tuple[float, Strip]] = {}
        for strip in self.strips:
            for score in strip.scores:
                name, r_squared = score["parameter"], score["r_squared"]
                if name not in best or r_squared > best[name][0]:
                    best[name] = r_squared, strip
        return best

    @property
    def irreps(self) -> list[Irrep]:
        irreps = {
            Irrep(harmonic["irrep"], harmonic["waves_per_turn"])
            for strip in self.strips
            for harmonic in strip.row["harmonics"]
        }
        return sorted(irreps, key=lambda irrep: irrep.rank)

    def harmonics_numbers(self) -> list[list[float]]:
        """Return each dimension's shares of variance in the irreps, in the order of `irreps`."""
        shares = [
            {harmonic["irrep"]: harmonic["share"] for harmonic in strip.row["harmonics"]} for strip in self.strips
        ]
        return [[four_digits(share.get(irrep.name, 0)) for irrep in self.irreps] for share in shares]

    def line(self, points: list[list[float]], dashed: bool = False) -> dict:
        """Return a line of a chart. points: (number of dimensions, value), or with the ends of the value's interval."""
        return {"name": self.name, "class": self.method.css_class, "dashed": dashed, "points": points}


@dataclass(frozen=True)
class Section:
    """The analyses of the same units and source of rows. dictionary: None where the units are the layer's neurons."""

    set: dict
    dictionary: dict | None
    source: str
    analyses: list[DimensionAnalysis]

    @property
    def anchor(self) -> str:
        units = self.dictionary["dictionary_id"] if self.dictionary else self.set["activation_set_id"]
        return f"{self.source}-{units[:12]}"

    @property
    def parameters(self) -> list[Parameter]:
        names = {name for analysis in self.analyses for name in analysis.best}
        return sorted(map(Parameter, names), key=lambda parameter: parameter.rank)

    @property
    def groups(self) -> list[list[DimensionAnalysis]]:
        """The methods, then the controls."""
        return [list(group) for _, group in groupby(self.analyses, key=lambda analysis: analysis.method.is_control)]

    def best(self, parameter: str) -> DimensionAnalysis | None:
        """Return the analysis with the largest R² for a parameter, without the controls; None where there is none."""
        candidates = [
            analysis for analysis in self.analyses if parameter in analysis.best and not analysis.method.is_control
        ]
        return max(candidates, key=lambda analysis: analysis.best[parameter][0], default=None)

    def variance_lines(self) -> list[dict]:
        """Return the lines of the chart of the variance that the first dimensions explain."""
        return [
            analysis.line([[0, 0], *([strip.number + 1, strip.cumulative_variance] for strip in analysis.strips)])
            for analysis in self.analyses
        ]

    def agreement_lines(self) -> list[dict]:
        """Return the lines of the chart of how often the top-1 class stays; none where that was not measured."""
        return [
            analysis.line(
                [
                    [row["dimensions"], *(four_digits(row[f"{mode}{end}"]) for end in ("", "_low", "_high"))]
                    for row in analysis.row["completeness"]
                ],
                mode == "removed",
            )
            for analysis in self.analyses
            if analysis.row["completeness"]
            for mode in ("kept", "removed")
        ]

    @property
    def widest_interval(self) -> float:
        """Width of the widest 95 % interval of a share of `agreement_lines`; 0 where that was not measured."""
        return max(
            (
                row[f"{mode}_high"] - row[f"{mode}_low"]
                for analysis in self.analyses
                for row in analysis.row["completeness"]
                for mode in ("kept", "removed")
            ),
            default=0.0,
        )

    @property
    def kinds(self) -> list[DimensionMethod | Irrep]:
        """All methods and irreps, which have a colour each."""
        kinds: list[DimensionMethod | Irrep] = []
        for analysis in self.analyses:
            kinds += [analysis.method, *analysis.irreps]
        return kinds

    @property
    def frames(self) -> int:
        """Number of images on which the network's agreement was measured; 0 where it was not."""
        return max((row["frames"] for analysis in self.analyses for row in analysis.row["completeness"]), default=0)


def picture_title(score: float, degrees: float | None, coherence: float | None, frequency: float | None) -> str:
    """Return a picture's title: its score, and what was measured in it."""
    parts = [f"score {score:.2f}".replace("-", "−")]
    if degrees is not None:
        parts.append(f"orientation {degrees:.0f}°")
    if frequency is not None:
        parts.append(f"{frequency:.3f} cycles a pixel")
    if coherence is not None:
        parts.append(f"coherence {coherence:.2f}")
    return ", ".join(parts)


def dimension_sections(snapshot: Snapshot, folder: Path) -> list[Section]:
    """Return a section for each activation set, units and source, in the network's order; write the pictures."""
    pictures = export_strips(snapshot, folder)
    strips = defaultdict(list)
    for row in snapshot.rows("dimension_strips"):
        key = row["dimension_analysis_id"], row["dimension"]
        strips[row["dimension_analysis_id"]].append(Strip(row, pictures[*key, "rendered"], pictures[*key, "patch"]))
    analyses_of = defaultdict(list)
    for row in snapshot.rows("dimension_analyses"):
        analysis = DimensionAnalysis(row, DimensionMethod(row["method"]).label, strips[row["dimension_analysis_id"]])
        analyses_of[row["activation_set_id"], row["dictionary_id"], row["source"]].append(analysis)
    sets = {activation_set["activation_set_id"]: activation_set for activation_set in snapshot.sets}
    order = list(sets)
    return [
        Section(sets[set_id], snapshot.dictionary.get(dictionary_id), source, distinctly_named(analyses))
        for (set_id, dictionary_id, source), analyses in sorted(
            analyses_of.items(), key=lambda item: order.index(item[0][0])
        )
    ]


def distinctly_named(analyses: list[DimensionAnalysis]) -> list[DimensionAnalysis]:
    """Sort analyses by method; the name of one whose method was run again gets its components and seed."""
    ordered = sorted(analyses, key=lambda analysis: analysis.method.rank)
    names = [analysis.name for analysis in ordered]
    return [
        replace(analysis, name=f"{analysis.name}, {analysis.row['components']} dimensions, seed {analysis.row['seed']}")
        if names.count(analysis.name) > 1
        else analysis
        for analysis in ordered
    ]


def export_strips(snapshot: Snapshot, folder: Path) -> dict[tuple[str, int, str], list[Picture]]:
    """Write the pictures along dimensions; return {(analysis, dimension, kind): pictures by rising score}."""
    pictures: defaultdict[tuple[str, int, str], list[Picture]] = defaultdict(list)
    for row in snapshot.stream("dimension_pictures"):
        title = picture_title(row["score"], row["orientation_degrees"], row["coherence"], row["spatial_frequency"])
        strip = pictures[row["dimension_analysis_id"], row["dimension"], row["kind"]]
        strip.append(Picture(written_once(row["picture"], folder), title))
    return pictures


def write_dimensions(writer: PageWriter, sections: list[Section]) -> None:
    writer.write(
        "dimensions.html",
        "dimensions.html",
        dimensions=sections,
        IDENTIFIED=IDENTIFIED,
        OPEN_STRIPS=OPEN_STRIPS,
        SOURCES=SOURCES,
    )
