"""The page of concepts and attacks: TCAV, a section for each attack experiment, facet studies, tamper detection."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path

from tasks.concepts.names import CONTROLS as ATTACK_CONTROLS
from tasks.report.labels import ATTACKS, FACET_COLUMNS, SHOWN_EPSILON, Attack
from tasks.report.pages.writer import PageWriter
from tasks.report.snapshot import Snapshot
from tasks.report.text import four_digits, percent

SHOWN_EXEMPLARS = 3
FEW_PHOTOGRAPHS = 5
"""With fewer photographs of the class, the page says that they are too few."""
FEW_SETS = 10
"""With fewer sets of a kind, the page says that their share not trusted is no rate."""
CLEAN = Attack("concept", "clean")
VERDICTS = {"matters": "evidence", "speaks against": "against", "no evidence": "nothing"}
"""CSS class of each verdict."""
STATISTICS = {
    "fvu": ("unexplained variance", "share of the layer’s variance that the dictionary does not reconstruct"),
    "rare": ("rare features", "share of the activity in features that rarely fire on random images"),
    "fragile": ("features after JPEG", "1 − cosine between the features before and after JPEG compression"),
    "plain": ("activations after JPEG", "the same for the layer’s activations, without a dictionary"),
}
SETTINGS = {
    "exemplars": "the number of exemplars",
    "random_sets": "the number of random sets",
    "classifier": "the classifier",
    "pool": "the pooling",
    "class_images": "the number of images of the class",
    "tests": "the number of tests that Holm’s correction covers",
}
"""{column: what it is} of what a score and its verdict depend on."""
ARROW = "\N{NO-BREAK SPACE}→\N{NO-BREAK SPACE}"

TransferTarget = tuple[str, str]
"""Evaluation network and layer."""


@dataclass(frozen=True)
class Importance:
    """One TCAV analysis.

    row: first row of `concept_importance`; classes: (name, concepts); a concept is its first row, and {layer: row}.
    """

    row: dict
    layers: list[str]
    classes: list[tuple[str, list[tuple[dict, dict[str, dict]]]]]


@dataclass(frozen=True)
class AttackedSet:
    """A clean or perturbed set. row: of `attack_sets`; readings: rows of `attack_scores` by evaluation layer."""

    row: dict
    attack: Attack
    readings: dict[TransferTarget, dict]

    def point(self, column: str, place: TransferTarget) -> list[float]:
        """Return a point of a chart: value of the column, score, ends of its interval, and 1 for evidence, else 0."""
        reading = self.readings[place]
        measured = [four_digits(self.row[column]), *(four_digits(reading[name]) for name in ("score", "low", "high"))]
        return [*measured, int(reading["verdict"] != "no evidence")]


@dataclass(frozen=True)
class AttackExperiment:
    """An attack experiment: a concept, a class and the attacked layer.

    row: of `attack_experiments`; clean: the clean sets; sets: all perturbed ones; pictures: rows of `attack_pictures`
    by attack and ε; features: rows of `attack_features`.
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
        return sorted({attacked.attack for attacked in self.sets}, key=lambda attack: attack.rank)

    @cached_property
    def epsilons(self) -> list[int]:
        return sorted({attacked.row["epsilon"] for attacked in self.sets})

    @cached_property
    def fractions(self) -> list[float]:
        return sorted({attacked.row["fraction"] for attacked in self.sets})

    @property
    def shown_epsilon(self) -> int:
        return max((epsilon for epsilon in self.epsilons if epsilon <= SHOWN_EPSILON), default=self.epsilons[0])

    @cached_property
    def shown_attack(self) -> Attack:
        """The attack, without the controls, that changes the score most in the intended direction."""
        sign = 1 if self.row["kind"] == "positive" else -1
        attacks = [attacked for attacked in self.at(self.shown_epsilon) if not attacked.attack.is_control]
        return max(attacks, key=lambda attacked: sign * self.read(attacked)["score"]).attack

    def at(self, epsilon: int) -> list[AttackedSet]:
        """Return the sets of an ε and the largest fraction, controls before attacks."""
        size = epsilon, self.fractions[-1]
        at_size = [attacked for attacked in self.sets if (attacked.row["epsilon"], attacked.row["fraction"]) == size]
        return sorted(at_size, key=lambda attacked: attacked.attack.rank)

    def compared(self, epsilon: int) -> list[AttackedSet]:
        return [self.clean, *self.at(epsilon)]

    def find(self, attack: Attack, epsilon: int) -> AttackedSet | None:
        """Return an attack's set of the largest fraction; None where the experiment has none."""
        return next((attacked for attacked in self.at(epsilon) if attacked.attack == attack), None)

    def read(self, attacked: AttackedSet) -> dict:
        """Return a set's row of `attack_scores` at the attacked layer."""
        return attacked.readings[self.place]

    @property
    def sheets(self) -> list[AttackedSet]:
        return [attacked for epsilon in self.epsilons for attacked in self.at(epsilon)]

    @cached_property
    def headline(self) -> str:
        """One sentence on the shown attack's effect, and on that of noise of the same ε."""
        [chief] = (attacked for attacked in self.at(self.shown_epsilon) if attacked.attack == self.shown_attack)
        noise = self.find(Attack(chief.attack.perturbed_set, "noise"), self.shown_epsilon)
        before, after = self.read(self.clean), self.read(chief)
        concept, kind = self.row["concept_name"], self.row["kind"]
        whose = f"{concept} exemplars" if chief.attack.perturbed_set == "concept" else "random images"
        effect = (
            f"{whose} {chief.attack.done(kind)} at {self.row['layer']}, ε = {self.shown_epsilon}/255: "
            f"score of {concept} for {self.row['class_name']} {before['score']:.2f}{ARROW}{after['score']:.2f}, "
            f"{verdict_change(kind, before['verdict'], after['verdict'])}"
        )
        if noise is None:
            return effect
        control = self.read(noise)
        if control["verdict"] == before["verdict"]:
            return f"{effect}; with noise of the same ε {control['score']:.2f}, verdict unchanged"
        return f"{effect}; but noise of the same ε gives {control['score']:.2f} and the verdict {control['verdict']}"

    def epsilon_lines(self) -> dict:
        """Return the data of the chart of the score against ε."""
        return self._lines("epsilon", self.sheets)

    def fraction_lines(self, epsilon: int) -> dict:
        """Return the data of the chart of the score against the fraction of perturbed images."""
        sets = sorted(self.sets, key=lambda attacked: attacked.row["fraction"])
        return self._lines("fraction", [attacked for attacked in sets if attacked.row["epsilon"] == epsilon])

    def _lines(self, column: str, sets: list[AttackedSet]) -> dict:
        clean = self.read(self.clean)
        start = [self.clean.point(column, self.place)] if column == "fraction" else []
        points: dict[Attack, list[list[float]]] = {}
        for attacked in sets:
            points.setdefault(attacked.attack, start.copy()).append(attacked.point(column, self.place))
        return {
            "along": column,
            "clean": four_digits(clean["score"]),
            "random": [four_digits(edge) for edge in random_band(clean)],
            "lines": [
                {"name": attack.label, "class": attack.css_class, "dashed": attack.is_control, "points": points[attack]}
                for attack in self.attacks
                if attack in points
            ],
        }

    @cached_property
    def networks(self) -> list[tuple[str, list[TransferTarget]]]:
        """All evaluation layers by network, the attacked network first."""
        targets = sorted(self.clean.readings, key=lambda target: target[0] != self.row["network"])
        return [(network, list(of_network)) for network, of_network in groupby(targets, key=lambda target: target[0])]

    def change(self, attacked: AttackedSet, place: TransferTarget) -> float:
        """Return the difference of a set's score from the clean one at the same evaluation layer."""
        return attacked.readings[place]["score"] - self.clean.readings[place]["score"]

    def evidence(self, epsilon: int) -> list[list[tuple[dict, dict[Attack, dict]]]]:
        """Return, for each dictionary, a row for each statistic: its first row, and {attack: row of `attack_features`}.

        Attacks are those of the ε at the largest fraction, and the clean set.
        """
        sizes = {(0, 0.0), (epsilon, self.fractions[-1])}
        rows = [row for row in self.features if (row["epsilon"], row["fraction"]) in sizes]
        dictionaries = []
        for _, of_dictionary in groupby(rows, key=lambda row: row["dictionary_id"]):
            statistics = [list(group) for _, group in groupby(of_dictionary, key=lambda row: row["statistic"])]
            dictionaries.append(
                [(group[0], {Attack("concept", row["attack"]): row for row in group}) for group in statistics]
            )
        return dictionaries

    @cached_property
    def evidence_caution(self) -> str:
        """A sentence on the statistics that flag half of the clean exemplars or more; empty where there are none."""
        flagged: dict[str, float] = {}
        for row in self.features:
            if row["attack"] == "clean" and row["flagged"] >= 0.5:
                label = STATISTICS[row["statistic"]][0]
                flagged[label] = max(row["flagged"], flagged.get(label, 0))
        if not flagged:
            return ""
        found = ", ".join(f"“{label}” up to {percent(share)}" for label, share in flagged.items())
        return (
            f"Clean exemplars are flagged too: by {found}. "
            "There the statistic distinguishes exemplars from random images, attacked or not."
        )


@dataclass(frozen=True)
class FacetStudy:
    """A facet study of one unit. row: of `facet_studies`; plain, pictures: rows of `facet_pictures` with file names."""

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
        present = {picture["attack"] for picture in self.pictures}
        return [attack for attack in FACET_COLUMNS if attack in present]

    def cell(self, facet: str, attack: str) -> list[dict]:
        """Return a facet's pictures of an attack; a positive attack has one for each target."""
        return [picture for picture in self.pictures if (picture["facet"], picture["attack"]) == (facet, attack)]

    @cached_property
    def _range(self) -> dict[str, tuple[float, float]]:
        """{facet: least and largest logit of its clean probe on any picture}."""
        logits_of = defaultdict(list)
        for reading in (reading for picture in (self.plain, *self.pictures) for reading in picture["readings"]):
            logits_of[reading["facet"]].append(reading["logit"])
        return {facet: (min(logits), max(logits)) for facet, logits in logits_of.items()}

    def plain_reading(self, facet: str) -> dict:
        return next(reading for reading in self.plain["readings"] if reading["facet"] == facet)

    def share(self, reading: dict) -> float:
        """Return a logit's position, 0 to 1, between the least and the largest one of its facet on any picture."""
        low, high = self._range[reading["facet"]]
        return (reading["logit"] - low) / (high - low or 1)


@dataclass(frozen=True)
class Rates:
    """Shares of the sets at a layer that are not trusted. rows: of `trust_rates`."""

    place: TransferTarget
    rows: list[dict]

    @property
    def cautions(self) -> list[str]:
        """Sentences about what the shares do not show."""
        clean = [row for row in self.rows if row["origin"] != "attacked"]
        sets, flagged = _flagged(clean)
        said = []
        if not sets:
            said.append("No clean set was checked: how often the checks give a false alarm is not known.")
        elif 2 * flagged > sets:
            said.append(
                f"The checks flag {flagged} of {sets} clean sets: at this layer a flag is no sign of an attack."
            )
        elif sets < FEW_SETS:
            said.append(f"{sets} clean {'set is' if sets == 1 else 'sets are'} too few to know the false alarms.")
        noisy, flagged = _flagged([row for row in self.rows if row["attack"] == "noise"])
        if 2 * flagged > noisy:
            said.append(f"Sets with mere noise are flagged too, {flagged} of {noisy}: the checks find changed images.")
        if self.attacked and max(row["sets"] for rows in self.attacked.values() for row in rows.values()) < FEW_SETS:
            said.append("A cell of the table has few sets, so that its interval is wide.")
        return said

    @property
    def summary(self) -> str:
        """How many attacked and clean sets are not trusted."""
        attacked, found = _flagged([row for row in self.rows if row["attack"] not in (None, *ATTACK_CONTROLS)])
        clean, alarms = _flagged([row for row in self.rows if row["origin"] != "attacked"])
        return f"{found} of {attacked} attacked sets of exemplars and {alarms} of {clean} clean ones"

    @property
    def without_attack(self) -> list[dict]:
        """Rows of clean sets, one for each origin, and of attacked sets whose attack is unknown."""
        return [row for row in self.rows if row["attack"] is None]

    @cached_property
    def attacked(self) -> dict[str, dict[tuple[float, int], dict]]:
        """{attack: {(fraction, ε): row}}, controls first."""
        by_attack: defaultdict[str, dict[tuple[float, int], dict]] = defaultdict(dict)
        known = [row for row in self.rows if row["attack"]]
        for row in sorted(known, key=lambda row: list(ATTACKS).index(row["attack"])):
            by_attack[row["attack"]][row["fraction"], row["epsilon"]] = row
        return by_attack

    @property
    def fractions(self) -> list[tuple[float, list[int]]]:
        """Fractions with the ε of their sets, the largest fraction first."""
        sizes = sorted({size for rows in self.attacked.values() for size in rows}, key=lambda size: (-size[0], size[1]))
        by_fraction = groupby(sizes, key=lambda size: size[0])
        return [(fraction, [epsilon for _, epsilon in group]) for fraction, group in by_fraction]


@dataclass(frozen=True)
class Attacks:
    """The data of the page.

    exemplars: file names of each concept's thumbnails; trust: rows of `concept_trust`.
    """

    importance: list[Importance]
    exemplars: dict[str, list[str]]
    experiments: list[AttackExperiment]
    facets: list[FacetStudy]
    rates: list[Rates]
    trust: list[dict]

    def __bool__(self) -> bool:
        return bool(self.importance or self.experiments or self.facets or self.trust)

    def other_scores(self, experiment: AttackExperiment) -> list[str]:
        """Sentences on other scores on this page of the experiment's concept, class and layer, and why they differ."""
        own = experiment.row | {"verdict": experiment.read(experiment.clean)["verdict"]}
        own["score"] = experiment.read(experiment.clean)["score"]
        others = [
            (f"“{first['concept_analysis_label']}”", row)
            for analysis in self.importance
            for _, concepts in analysis.classes
            for first, by_layer in concepts
            for row in by_layer.values()
        ] + [
            (f"“{other.row['attack_experiment_label']}”", other.row | other.read(other.clean))
            for other in self.experiments
            if other is not experiment
        ]
        same = ("network", "layer", "concept_name", "class_name")
        return [
            scores_compared(own, row, where)
            for where, row in others
            if all(row[name] == own[name] for name in same)
            and (f"{row['score']:.2f}", row["verdict"]) != (f"{own['score']:.2f}", own["verdict"])
        ]

    @property
    def kinds(self) -> list[Attack]:
        """All attacks that have a colour, regardless of the perturbed set."""
        names = {attack.name for experiment in self.experiments for attack in (CLEAN, *experiment.attacks)}
        return sorted((Attack("concept", name) for name in names), key=lambda attack: attack.rank)


def _flagged(rows: list[dict]) -> tuple[int, int]:
    """Return the number of sets of rows of `trust_rates`, and how many of them are not trusted."""
    return sum(row["sets"] for row in rows), sum(round(row["sets"] * row["not_trusted"]) for row in rows)


def verdict_change(kind: str, before: str, after: str) -> str:
    """Describe how a verdict changed from the clean to the attacked sets. kind: negative or positive."""
    if (before == "matters") != (kind == "negative"):
        return f"verdict {after}; the clean verdict was already {before}, so it could not flip"
    if before == after:
        return f"verdict still {after}"
    return f"verdict changed from {before} to {after}"


def scores_compared(own: dict, other: dict, where: str) -> str:
    """Say why a concept's clean score for a class at a layer is another one elsewhere on the page.

    own, other: score, verdict and SETTINGS. where: the label of the other one's analysis.
    """
    differing = [
        f"{said} ({other[name]} there, {own[name]} here)" for name, said in SETTINGS.items() if other[name] != own[name]
    ]
    return (
        f"{where} gives {other['score']:.2f}, {other['verdict']}, for the same concept, class and layer; the clean "
        f"score here is {own['score']:.2f}, {own['verdict']}. Each has random sets of its own"
        + (f". They also differ in {', in '.join(differing)}." if differing else ", and nothing else differs.")
    )


def random_band(reading: dict) -> tuple[float, float]:
    """Return mean − and + standard deviation of the random CAVs' scores, clipped to 0 … 1."""
    middle, spread = reading["random_score"], reading["random_score_std"]
    return max(0, middle - spread), min(1, middle + spread)


def attacks_shown(snapshot: Snapshot, folder: Path) -> Attacks:
    """Return the data of the page; write its pictures into a folder."""
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


def _importance(snapshot: Snapshot) -> list[Importance]:
    analyses = []
    for _, of_run in groupby(snapshot.rows("concept_importance"), key=lambda row: row["concept_analysis_id"]):
        rows = list(of_run)
        classes = []
        for (_, class_name), of_class in groupby(rows, key=lambda row: (row["class_index"], row["class_name"])):
            concepts = [list(group) for _, group in groupby(of_class, key=lambda row: row["concept_id"])]
            classes.append((class_name, [(group[0], {row["layer"]: row for row in group}) for group in concepts]))
        analyses.append(Importance(rows[0], list(dict.fromkeys(row["layer"] for row in rows)), classes))
    return analyses


def _experiments(snapshot: Snapshot, folder: Path) -> list[AttackExperiment]:
    readings: defaultdict[tuple, dict[TransferTarget, dict]] = defaultdict(dict)
    sets, features = defaultdict(list), defaultdict(list)
    pictures: defaultdict[str, defaultdict[tuple[Attack, int], list[dict]]] = defaultdict(lambda: defaultdict(list))
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
    experiments = []
    for row in snapshot.rows("attack_experiments"):
        key = row["attack_experiment_id"]
        (clean,) = (attacked for attacked in sets[key] if attacked.attack == CLEAN)
        perturbed = [attacked for attacked in sets[key] if attacked is not clean]
        experiments.append(AttackExperiment(row, clean, perturbed, pictures[key], features[key]))
    return experiments


def identity(row: dict) -> tuple:
    """Return the columns that identify a set among those of all experiments."""
    return tuple(row[name] for name in ("attack_experiment_id", "perturbed_set", "attack", "epsilon", "fraction"))


def _facet_studies(snapshot: Snapshot, folder: Path) -> list[FacetStudy]:
    pictures = defaultdict(list)
    for row in snapshot.rows_with_pictures("facet_pictures", folder, "picture"):
        pictures[row["facet_analysis_id"]].append(row)
    studies = []
    for row in snapshot.rows("facet_studies"):
        of_study = pictures[row["facet_analysis_id"]]
        (plain,) = (picture for picture in of_study if picture["attack"] == "plain")
        studies.append(FacetStudy(row, plain, [picture for picture in of_study if picture is not plain]))
    return studies


def write_attacks(writer: PageWriter, attacks: Attacks) -> None:
    writer.write(
        "attacks.html",
        "attacks.html",
        attacks=attacks,
        random_band=random_band,
        ATTACKS=ATTACKS,
        FACET_COLUMNS=FACET_COLUMNS,
        FEW_PHOTOGRAPHS=FEW_PHOTOGRAPHS,
        STATISTICS=STATISTICS,
        VERDICTS=VERDICTS,
    )
