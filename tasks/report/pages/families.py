"""The pages of families: the map of all features, a page for each family, agreement with stimulus types."""

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from statistics import mean

from tasks.dictionary.methods import ARCHITECTURES, METHODS
from tasks.report.labels import CONDITIONS, SCORES, Stimulus, SymmetryType
from tasks.report.pages.writer import PageWriter
from tasks.report.snapshot import Examples, Snapshot
from tasks.report.text import family_page, mean_and_std
from tasks.symmetry.transformations import Transformations

LEAST_RAND = 0.1
"""Below this adjusted Rand index, the page says that families hardly follow stimulus types."""


@dataclass(frozen=True)
class Family:
    """A family with a page. shape: row of `families`; members: rows of `family_members` by orientation."""

    shape: dict
    type: SymmetryType
    page: str
    members: list[dict]

    @property
    def number(self) -> int:
        return self.shape["family"]

    @property
    def prototype(self) -> int:
        return self.shape["prototype"]

    @property
    def has_orientations(self) -> bool:
        return self.shape["period_degrees"] is not None

    @property
    def stimulus(self) -> dict | None:
        """The most frequent stimulus type: its name and number of members."""
        return self.shape["stimuli"][0] if self.shape["stimuli"] else None


@dataclass(frozen=True)
class FamilyAnalysis:
    """A grouping of a dictionary's features into families.

    members: rows of `family_members`, including features in no family; types, stimuli: with numbers of features.
    """

    row: dict
    dictionary: dict
    page: str
    families: list[Family]
    members: list[dict]
    types: list[tuple[SymmetryType, int]]
    stimuli: list[tuple[Stimulus, int]]

    @property
    def key(self) -> str:
        return self.row["family_analysis_id"]

    @property
    def label(self) -> str:
        return f"{METHODS[self.dictionary['method']].label} {ARCHITECTURES[self.dictionary['architecture']]}"

    def map(self, snapshot: Snapshot, examples: Examples) -> dict:
        """Return the data of the map, with a column for each field, which is compact for thousands of features."""
        types = {symmetry.name: index for index, (symmetry, _) in enumerate(self.types)}
        stimuli = {stimulus.name: index for index, (stimulus, _) in enumerate(self.stimuli)}
        features = [snapshot.feature[member["dictionary_id"], member["feature"]] for member in self.members]
        return {
            "short": self.row["dictionary_id"][:12],
            "sizes": {family.number: family.shape["size"] for family in self.families},
            "columns": {
                "feature": [member["feature"] for member in self.members],
                "x": [round(member["map_x"], 3) for member in self.members],
                "y": [round(member["map_y"], 3) for member in self.members],
                "family": [member["family"] for member in self.members],
                "degrees": [rounded(member["orientation_degrees"]) for member in self.members],
                "mirrored": [int(member["mirrored"]) for member in self.members],
                "type": [types[feature["type"]] for feature in features],
                "stimulus": [stimuli.get(member["stimulus_type"]) for member in self.members],
                "pictured": [
                    int(bool(examples[member["dictionary_id"], member["feature"]])) for member in self.members
                ],
            },
        }


def rounded(degrees: float | None) -> float | None:
    return None if degrees is None else round(degrees, 2)


def circle_numbers(family: Family, examples: Examples) -> dict:
    """Return the data of a family's circle."""
    return {
        "period": family.shape["period_degrees"],
        "missing": [rounded(degrees) for degrees in family.shape["missing_orientations"] or []],
        "members": [
            {
                "feature": member["feature"],
                "degrees": rounded(member["orientation_degrees"]),
                "mirrored": member["mirrored"],
                "prototype": member["is_prototype"],
                "similarity": round(member["similarity"], 3),
                "stimulus": member["stimulus_type"],
                "pictured": bool(examples[member["dictionary_id"], member["feature"]]),
            }
            for member in family.members
        ],
    }


def small_circle(family: Family) -> dict:
    """Return the data of the circle on a family's card."""
    return {
        "period": family.shape["period_degrees"],
        "covered": f"{100 * family.shape['covered']:.0f} %",
        "members": [rounded(member["orientation_degrees"]) for member in family.members],
        "missing": [rounded(degrees) for degrees in family.shape["missing_orientations"] or []],
    }


def std_numbers(family: Family, group: Transformations, floor: float) -> dict:
    """Return the data of the plot of a family's mean profile."""
    names = ("profile", "profile_low", "profile_high")
    return {"floor": floor, "kind": group.transformations} | {
        name: [round(value, 4) for value in family.shape[name]] for name in names
    }


def family_analyses(snapshot: Snapshot) -> list[FamilyAnalysis]:
    """Return all analyses, sorted by group order and number of features; the page of the first is families.html."""
    members, shapes = defaultdict(list), defaultdict(list)
    for row in snapshot.rows("family_members"):
        members[row["family_analysis_id"]].append(row)
    for row in snapshot.rows("families"):
        shapes[row["family_analysis_id"]].append(row)
    rows = sorted(snapshot.rows("family_analyses"), key=lambda row: (-row["group_order"], -row["live_features"]))
    analyses: list[FamilyAnalysis] = []
    for row in rows:
        key, grouped = row["family_analysis_id"], members[row["family_analysis_id"]]
        of_family = defaultdict(list)
        types: Counter[SymmetryType] = Counter()
        stimuli: Counter[Stimulus] = Counter()
        for member in grouped:
            of_family[member["family"]].append(member)
            types[snapshot.feature[member["dictionary_id"], member["feature"]]["symmetry"]] += 1
            if member["stimulus_type"]:
                stimuli[Stimulus(member["stimulus_type"])] += 1
        analyses.append(
            FamilyAnalysis(
                row,
                snapshot.dictionary[row["dictionary_id"]],
                f"families-{key[:8]}.html" if analyses else "families.html",
                [
                    Family(
                        shape,
                        SymmetryType(shape["type"] or "none"),
                        f"families/{family_page(row['dictionary_id'], key, shape['family'])}",
                        of_family[shape["family"]],
                    )
                    for shape in shapes[key]
                ],
                grouped,
                sorted(types.items(), key=lambda item: item[0].rank),
                sorted(stimuli.items(), key=lambda item: item[0].rank),
            )
        )
    return analyses


Memberships = dict[tuple[str, int], list[tuple[FamilyAnalysis, dict, Family | None]]]
"""{(dictionary, feature): [(analysis, row of `family_members`, family or None)]}."""


def memberships(analyses: list[FamilyAnalysis]) -> Memberships:
    """Return the places of all features in all analyses; of other features there are none."""
    entries: Memberships = defaultdict(list)
    for analysis in analyses:
        families = {family.number: family for family in analysis.families}
        for member in analysis.members:
            feature = member["dictionary_id"], member["feature"]
            entries[feature].append((analysis, member, families.get(member["family"])))
    return entries


@dataclass(frozen=True)
class Scale:
    """Ends of a score's axis. All scores are 1 at best, so that every axis ends there: a score near 0 looks small."""

    low: float
    high: float = 1.0

    @classmethod
    def of(cls, values: list[float]) -> "Scale":
        return cls(min(0.0, math.floor(10 * min(values)) / 10))

    def place(self, value: float) -> float:
        """Return a value's position in percent of the axis."""
        return 100 * (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Separation:
    """Scores of a layer's dictionaries. rows: analysis, condition, and {metric: a value for each training seed}."""

    network: str
    layer: str
    rows: list[tuple[FamilyAnalysis, str, dict[str, list[float]]]] = field(default_factory=list)

    @property
    def cautions(self) -> list[str]:
        """Sentences on the dictionaries whose families follow stimulus types no more than by chance, or hardly more."""
        said = []
        for analysis, condition, scores in self.rows:
            if condition != "features" or "adjusted_rand" not in scores:
                continue
            values, name = scores["adjusted_rand"], analysis.label
            controls = [
                value
                for other, of, control in self.rows
                if other.key == analysis.key and of != "features"
                for value in control.get("adjusted_rand", [])
            ]
            if controls and min(values) <= max(controls):
                said.append(
                    f"{name}: the adjusted Rand index is not above every control’s: "
                    "families do not follow stimulus types here."
                )
            elif mean(values) < LEAST_RAND:
                said.append(f"{name}: the adjusted Rand index, {mean(values):.2f}, is close to chance.")
        return said

    @property
    def scales(self) -> dict[str, Scale]:
        """{metric: its axis}, from 0, or a tenth below the least value, to 1."""
        all_values: defaultdict[str, list[float]] = defaultdict(list)
        for _, _, scores in self.rows:
            for metric, values in scores.items():
                all_values[metric] += values
        return {metric: Scale.of(all_values[metric]) for metric in SCORES if metric in all_values}


def separations(snapshot: Snapshot, analyses: list[FamilyAnalysis]) -> list[Separation]:
    """Return a separation for each layer with scores, in the analyses' order; controls follow their dictionary."""
    scores: defaultdict[str, defaultdict[str, dict]] = defaultdict(lambda: defaultdict(dict))
    for row in snapshot.rows("family_scores"):
        scores[row["family_analysis_id"]][row["condition"]][row["metric"]] = row["values"]
    layers: dict[tuple[str, str], Separation] = {}
    for analysis in analyses:
        layer = analysis.dictionary["network"], analysis.dictionary["layer"]
        by_condition = scores[analysis.key]
        rows = [
            (analysis, condition, by_condition[condition])
            for condition in CONDITIONS
            if SCORES.keys() & by_condition[condition].keys()
        ]
        if rows:
            layers.setdefault(layer, Separation(*layer)).rows.extend(rows)
    return list(layers.values())


def write_families(writer: PageWriter, snapshot: Snapshot, examples: Examples, analyses: list[FamilyAnalysis]) -> None:
    """Write a page for each analysis, and one for each of its families."""
    layers = separations(snapshot, analyses)
    for analysis in analyses:
        writer.write(
            analysis.page,
            "families.html",
            analysis=analysis,
            analyses=analyses,
            separations=layers,
            map_numbers=analysis.map(snapshot, examples),
            small_circle=small_circle,
            mean_and_std=mean_and_std,
            SCORES=SCORES,
            CONDITIONS=CONDITIONS,
        )
        befores, afters = [None, *analysis.families], [*analysis.families[1:], None]
        for before, family, after in zip(befores, analysis.families, afters, strict=False):
            writer.write(
                family.page,
                "family.html",
                analysis=analysis,
                family=family,
                before=before,
                after=after,
                circle=circle_numbers(family, examples),
                std_numbers=std_numbers,
            )
