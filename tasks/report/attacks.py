"""What the site says of concepts and of attacks on their exemplars: a section a story, and one a faceted unit."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.report.dimensions import short
from tasks.report.labels import ATTACKS, Attack

if TYPE_CHECKING:
    from tasks.report.page import Snapshot

SHOWN_EPSILON = 8
"""Attacks that go no further are shown first, in steps of 1/255."""
SHOWN_EXEMPLARS = 3
CLEAN = Attack("concept", "clean")
VERDICTS = {"matters": "evidence", "speaks against": "against", "no evidence": "nothing"}
"""Class by which a verdict is drawn."""
STATISTICS = {
    "fvu": ("unexplained", "share of the layer’s variance that the dictionary does not rebuild"),
    "rare": ("rare features", "share of the activity in features that random images hardly ever fire"),
    "fragile": ("fragile features", "how far the activity turns when the image goes once through JPEG"),
    "plain": ("fragile without features", "the same of the layer’s activations, which needs no dictionary"),
}
FACET_COLUMNS = {
    "clean": "clean images",
    "noise": "with noise",
    "negative": "pushed away",
    "positive": "pushed to another facet",
}
ARROW = "\N{NO-BREAK SPACE}→\N{NO-BREAK SPACE}"

TransferTarget = tuple[str, str]
"""Network and layer."""


@dataclass(frozen=True)
class Importance:
    """One run of TCAV. classes: name, and of each concept the layers' rows of `concept_importance`."""

    row: dict
    layers: list[str]
    classes: list[tuple[str, list[tuple[dict, dict[str, dict]]]]]


@dataclass(frozen=True)
class AttackedSet:
    """Exemplars and random sets as a user of TCAV gets them. row: of `attack_sets`; readings: of `attack_scores`."""

    row: dict
    attack: Attack
    readings: dict[TransferTarget, dict]

    def point(self, column: str, place: TransferTarget) -> list[float]:
        """Of a chart: where along the column, score, its interval, and whether there is evidence."""
        read = self.readings[place]
        measured = [short(self.row[column]), *(short(read[name]) for name in ("score", "low", "high"))]
        return [*measured, int(read["verdict"] != "no evidence")]


@dataclass(frozen=True)
class AttackExperiment:
    """A concept, a class, and a layer at which the exemplars are attacked.

    row: of `attack_experiments`; clean, sets: as they were, and all that was made of them; pictures: rows of
    `attack_pictures` by attack and ε; features: rows of `attack_features`.
    """

    row: dict
    clean: AttackedSet
    sets: list[AttackedSet]
    pictures: dict[tuple[Attack, int], list[dict]]
    features: list[dict]

    @property
    def anchor(self) -> str:
        return f"experiment-{self.row['attack_experiment_id'][:12]}"

    @property
    def place(self) -> TransferTarget:
        return self.row["network"], self.row["layer"]

    @cached_property
    def attacks(self) -> list[Attack]:
        return sorted({each.attack for each in self.sets}, key=lambda attack: attack.rank)

    @cached_property
    def epsilons(self) -> list[int]:
        return sorted({each.row["epsilon"] for each in self.sets})

    @cached_property
    def fractions(self) -> list[float]:
        return sorted({each.row["fraction"] for each in self.sets})

    @property
    def shown_epsilon(self) -> int:
        return max((each for each in self.epsilons if each <= SHOWN_EPSILON), default=self.epsilons[0])

    @cached_property
    def shown_attack(self) -> Attack:
        """The attack, no control, that turns the score furthest the way it is meant to go."""
        sign = 1 if self.row["kind"] == "positive" else -1
        found = [each for each in self.at(self.shown_epsilon) if not each.attack.is_control]
        return max(found, key=lambda each: sign * self.read(each)["score"]).attack

    def at(self, epsilon: int) -> list[AttackedSet]:
        """Of the largest fraction, controls before attacks."""
        found = [s for s in self.sets if s.row["epsilon"] == epsilon and s.row["fraction"] == self.fractions[-1]]
        return sorted(found, key=lambda each: each.attack.rank)

    def compared(self, epsilon: int) -> list[AttackedSet]:
        return [self.clean, *self.at(epsilon)]

    def find(self, attack: Attack, epsilon: int) -> AttackedSet | None:
        """Of the largest fraction; None where that was not made."""
        return next((each for each in self.at(epsilon) if each.attack == attack), None)

    def read(self, attacked: AttackedSet) -> dict:
        """What TCAV says of a set where it was attacked."""
        return attacked.readings[self.place]

    @property
    def sheets(self) -> list[AttackedSet]:
        return [each for epsilon in self.epsilons for each in self.at(epsilon)]

    @cached_property
    def headline(self) -> str:
        """What the attack did, in words, beside noise of the same size."""
        chief = self.find(self.shown_attack, self.shown_epsilon)
        noise = self.find(Attack(chief.attack.perturbed_set, "noise"), self.shown_epsilon)
        before, after = self.read(self.clean), self.read(chief)
        concept, kind = self.row["concept_name"], self.row["kind"]
        whose = f"{concept} exemplars" if chief.attack.perturbed_set == "concept" else "random images"
        said = (
            f"{whose} {chief.attack.done(kind)} at {self.row['layer']}, by {self.shown_epsilon}/255 at most: "
            f"{concept} for {self.row['class_name']} {before['score']:.2f}{ARROW}{after['score']:.2f}, "
            f"{turn(kind, before['verdict'], after['verdict'])}"
        )
        if noise is None:
            return said
        left = self.read(noise)
        if left["verdict"] == before["verdict"]:
            return f"{said}; noise of the same size leaves {left['score']:.2f}"
        return f"{said}; but noise of the same size makes it {left['score']:.2f}, {left['verdict']}"

    def epsilon_lines(self) -> dict:
        """What the chart of the score against ε is drawn from."""
        return self._lines("epsilon", [each for epsilon in self.epsilons for each in self.at(epsilon)])

    def fraction_lines(self, epsilon: int) -> dict:
        """As `epsilon_lines`, against the share of the images that were changed."""
        found = sorted(self.sets, key=lambda each: each.row["fraction"])
        return self._lines("fraction", [each for each in found if each.row["epsilon"] == epsilon])

    def _lines(self, column: str, sets: list[AttackedSet]) -> dict:
        clean = self.read(self.clean)
        points = defaultdict(list)
        for each in sets:
            points[each.attack].append(each.point(column, self.place))
        if column == "fraction":
            points = {attack: [self.clean.point(column, self.place), *found] for attack, found in points.items()}
        return {
            "along": column,
            "clean": short(clean["score"]),
            "random": [short(edge) for edge in random_band(clean)],
            "lines": [
                {"name": attack.label, "class": attack.css_class, "dashed": attack.is_control, "points": points[attack]}
                for attack in self.attacks
                if attack in points
            ],
        }

    @cached_property
    def networks(self) -> list[tuple[str, list[TransferTarget]]]:
        """All places that the sets were read at: the network where they were attacked first."""
        found = sorted(self.clean.readings, key=lambda place: place[0] != self.row["network"])
        return [(network, list(places)) for network, places in groupby(found, key=lambda place: place[0])]

    def change(self, attacked: AttackedSet, place: TransferTarget) -> float:
        """Of the score, from the clean sets' at the same place."""
        return attacked.readings[place]["score"] - self.clean.readings[place]["score"]

    def evidence(self, epsilon: int) -> list[list[tuple[dict, dict[Attack, dict]]]]:
        """By dictionary, a row a statistic: by attack what was found at an ε and the largest fraction, and if clean."""
        sizes = {(0, 0.0), (epsilon, self.fractions[-1])}
        rows = [row for row in self.features if (row["epsilon"], row["fraction"]) in sizes]
        found = []
        for _, of_dictionary in groupby(rows, key=lambda row: row["dictionary_id"]):
            statistics = [list(each) for _, each in groupby(of_dictionary, key=lambda row: row["statistic"])]
            found.append([(r[0], {Attack("concept", row["attack"]): row for row in r}) for r in statistics])
        return found


@dataclass(frozen=True)
class FacetStudy:
    """A unit under facets. row: of `facet_studies`; plain, pictures: of `facet_pictures`, `picture` a file's name."""

    row: dict
    plain: dict
    pictures: list[dict]

    @property
    def anchor(self) -> str:
        return f"facets-{self.row['facet_analysis_id'][:12]}"

    @property
    def facets(self) -> list[str]:
        return list(dict.fromkeys(picture["facet"] for picture in self.pictures))

    @property
    def columns(self) -> list[str]:
        found = {picture["attack"] for picture in self.pictures}
        return [attack for attack in FACET_COLUMNS if attack in found]

    def cell(self, facet: str, attack: str) -> list[dict]:
        """A positive attack has a picture a target."""
        return [each for each in self.pictures if (each["facet"], each["attack"]) == (facet, attack)]

    @cached_property
    def _reach(self) -> dict[str, tuple[float, float]]:
        """By facet: least and largest logit in any picture."""
        found = defaultdict(list)
        for reading in (reading for picture in (self.plain, *self.pictures) for reading in picture["readings"]):
            found[reading["facet"]].append(reading["logit"])
        return {facet: (min(logits), max(logits)) for facet, logits in found.items()}

    def plain_reading(self, facet: str) -> dict:
        return next(reading for reading in self.plain["readings"] if reading["facet"] == facet)

    def share(self, reading: dict) -> float:
        """Where a logit stands between the least and the largest of its facet in any of the pictures."""
        low, high = self._reach[reading["facet"]]
        return (reading["logit"] - low) / (high - low or 1)


@dataclass(frozen=True)
class Rates:
    """How many sets are not trusted at a layer. rows: of `trust_rates`."""

    place: TransferTarget
    rows: list[dict]

    @property
    def untouched(self) -> list[dict]:
        """Clean sets, a row an origin, and changed ones of which nothing else is known."""
        return [row for row in self.rows if row["attack"] is None]

    @cached_property
    def attacked(self) -> dict[str, dict[tuple[float, int], dict]]:
        """By name of the attack, controls first: rows by (fraction, ε)."""
        found = defaultdict(dict)
        known = [row for row in self.rows if row["attack"]]
        for row in sorted(known, key=lambda row: list(ATTACKS).index(row["attack"])):
            found[row["attack"]][row["fraction"], row["epsilon"]] = row
        return found

    @property
    def fractions(self) -> list[tuple[float, list[int]]]:
        """The largest first, with the ε that sets were attacked with."""
        sizes = sorted({size for rows in self.attacked.values() for size in rows}, key=lambda size: (-size[0], size[1]))
        by_fraction = groupby(sizes, key=lambda size: size[0])
        return [(fraction, [epsilon for _, epsilon in found]) for fraction, found in by_fraction]


@dataclass(frozen=True)
class Attacks:
    """All that the page shows. trust: rows of `concept_trust`."""

    importance: list[Importance]
    exemplars: dict[str, list[str]]
    experiments: list[AttackExperiment]
    facets: list[FacetStudy]
    rates: list[Rates]
    trust: list[dict]

    def __bool__(self) -> bool:
        return bool(self.importance or self.experiments or self.facets or self.trust)

    @property
    def kinds(self) -> list[Attack]:
        """All that is drawn in a colour of its own, whosever images are touched."""
        names = {attack.name for experiment in self.experiments for attack in (CLEAN, *experiment.attacks)}
        return sorted((Attack("concept", name) for name in names), key=lambda attack: attack.rank)


def turn(kind: str, before: str, after: str) -> str:
    """What became of a verdict, in words."""
    if (before == "matters") != (kind == "negative"):
        return f"though it {'mattered' if before == 'matters' else 'did not matter'} from the first: now {after}"
    if before == after:
        return f"still {after}" if after == "no evidence" else f"and still it {after}"
    if after == "no evidence":
        return "no evidence any more" if before == "matters" else "no evidence either way"
    return f"now it {after}"


def random_band(read: dict) -> tuple[float, float]:
    """Scores of random vectors: their mean, one standard deviation to each side, cut at 0 and 1."""
    return max(0, read["random_score"] - read["random_score_std"]), min(
        1, read["random_score"] + read["random_score_std"]
    )


def attacks_shown(snapshot: "Snapshot", folder: Path) -> Attacks:
    """Writes the pictures into a folder."""
    exemplars = defaultdict(list)
    for row in snapshot.rows_with_pictures("concept_pictures", folder, "picture", shown=SHOWN_EXEMPLARS):
        exemplars[row["concept_id"]].append(row["picture"])
    return Attacks(
        _importance(snapshot),
        exemplars,
        _experiments(snapshot, folder),
        _facet_studies(snapshot, folder),
        [
            Rates(place, list(rows))
            for place, rows in groupby(snapshot.rows("trust_rates"), key=lambda row: (row["network"], row["layer"]))
        ],
        snapshot.rows("concept_trust"),
    )


def _importance(snapshot: "Snapshot") -> list[Importance]:
    found = []
    for _, of_run in groupby(snapshot.rows("concept_importance"), key=lambda row: row["concept_analysis_id"]):
        rows = list(of_run)
        classes = []
        for (_, class_name), of_class in groupby(rows, key=lambda row: (row["class_index"], row["class_name"])):
            concepts = [list(each) for _, each in groupby(of_class, key=lambda row: row["concept_id"])]
            classes.append((class_name, [(each[0], {row["layer"]: row for row in each}) for each in concepts]))
        found.append(Importance(rows[0], list(dict.fromkeys(row["layer"] for row in rows)), classes))
    return found


def _experiments(snapshot: "Snapshot", folder: Path) -> list[AttackExperiment]:
    readings, sets, features = defaultdict(dict), defaultdict(list), defaultdict(list)
    pictures = defaultdict(lambda: defaultdict(list))
    for row in snapshot.rows("attack_scores"):
        readings[identity(row)][row["eval_network"], row["eval_layer"]] = row
    for row in snapshot.rows("attack_sets"):
        sets[row["attack_experiment_id"]].append(
            AttackedSet(row, Attack(row["perturbed_set"], row["attack"]), readings[identity(row)])
        )
    for row in snapshot.rows_with_pictures("attack_pictures", folder, "clean", "attacked", "difference"):
        pictures[row["attack_experiment_id"]][Attack(row["perturbed_set"], row["attack"]), row["epsilon"]].append(row)
    for row in snapshot.rows("attack_features"):
        features[row["attack_experiment_id"]].append(row)
    found = []
    for row in snapshot.rows("attack_experiments"):
        key = row["attack_experiment_id"]
        (clean,) = (each for each in sets[key] if each.attack == CLEAN)
        changed = [each for each in sets[key] if each is not clean]
        found.append(AttackExperiment(row, clean, changed, pictures[key], features[key]))
    return found


def identity(row: dict) -> tuple:
    """What tells the sets of all stories apart."""
    return tuple(row[name] for name in ("attack_experiment_id", "perturbed_set", "attack", "epsilon", "fraction"))


def _facet_studies(snapshot: "Snapshot", folder: Path) -> list[FacetStudy]:
    pictures = defaultdict(list)
    for row in snapshot.rows_with_pictures("facet_pictures", folder, "picture"):
        pictures[row["facet_analysis_id"]].append(row)
    found = []
    for row in snapshot.rows("facet_studies"):
        (plain,) = (each for each in pictures[row["facet_analysis_id"]] if each["attack"] == "plain")
        others = [each for each in pictures[row["facet_analysis_id"]] if each is not plain]
        found.append(FacetStudy(row, plain, others))
    return found
