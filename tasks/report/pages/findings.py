"""What was found, in sentences for the top of the overview: each with its numbers and the page that shows more."""

from collections import Counter
from dataclasses import dataclass

from tasks.report.labels import IDENTIFIED
from tasks.report.pages.attacks import AttackExperiment, Attacks
from tasks.report.pages.curves import Circle, Panel
from tasks.report.pages.dimensions import Section
from tasks.report.pages.families import FamilyAnalysis, separations
from tasks.report.pages.neurons import Neurons
from tasks.report.snapshot import Snapshot
from tasks.report.text import mean_and_std, percent, thousands

MOST_TYPES = 4
MOST_OF_A_KIND = 2
"""At most so many findings of a study, those of the largest dictionaries or the first layers."""


@dataclass(frozen=True)
class Finding:
    """A sentence, its title, and the address of the page that shows more, from the site's root."""

    title: str
    sentence: str
    page: str


def all_findings(
    snapshot: Snapshot,
    analyses: list[FamilyAnalysis],
    panels: list[Panel],
    sections: list[Section],
    attacks: Attacks,
    neurons: Neurons,
) -> list[Finding]:
    """Return the findings of all studies that the site shows."""
    return [
        *symmetry_findings(snapshot)[:MOST_OF_A_KIND],
        *curve_findings(snapshot, panels)[:MOST_OF_A_KIND],
        *neuron_findings(snapshot, neurons),
        *family_findings(snapshot, analyses)[:MOST_OF_A_KIND],
        *dimension_findings(sections)[:MOST_OF_A_KIND],
        *attack_findings(attacks)[:MOST_OF_A_KIND],
        *trust_findings(attacks)[:MOST_OF_A_KIND],
    ]


def symmetry_findings(snapshot: Snapshot) -> list[Finding]:
    """Count the symmetry types of each dictionary with transform blocks, the one with the most features first."""
    counted = []
    for dictionary in snapshot.dictionaries:
        if dictionary["group_order"] == 1:
            continue
        key = dictionary["dictionary_id"]
        types = Counter(feature["symmetry"] for feature in snapshot.features if feature["dictionary_id"] == key)
        total = types.total()
        shares = [
            f"{thousands(number)} {'are' if symmetry.name in ('invariant', 'tuned', 'mixed') else 'have'} "
            f"{symmetry.label} ({percent(number / total)})"
            for symmetry, number in types.most_common(MOST_TYPES)
        ]
        if shares:
            sentence = f"Of {thousands(total)} live features of {dictionary['dictionary_label']}, {_listed(shares)}."
            counted.append((total, Finding("Symmetry types", sentence, f"features.html#dictionary={key[:12]}")))
    return [finding for _, finding in sorted(counted, key=lambda entry: -entry[0])]


def curve_findings(snapshot: Snapshot, panels: list[Panel]) -> list[Finding]:
    """Say how much of the circle the neurons' curve detectors cover, and which detectors features add."""
    found = []
    for panel in panels:
        if panel.neurons is None or not panel.has_detectors:
            continue
        numbers = panel.neurons.numbers
        sentence = (
            f"In {panel.set['layer']}, {thousands(numbers['detectors'])} of {thousands(numbers['units'])} neurons "
            f"detect curves and cover {percent(numbers['coverage'])} of orientations"
        )
        added = [_added(snapshot, circle) for circle in panel.features]
        page = f"curves.html#set-{panel.set['activation_set_id'][:12]}"
        found.append(Finding("Curve detectors", f"{'; '.join([sentence, *added])}.", page))
    return found


def _added(snapshot: Snapshot, circle: Circle) -> str:
    """Say how many detectors a dictionary's features add, with their peaks."""
    name = snapshot.short_labels[circle.numbers["dictionary_id"]]
    missing = [detector for detector in circle.detectors if detector["missing"]]
    if not missing:
        of = f"{thousands(circle.numbers['detectors'])} of {thousands(circle.numbers['units'])} features"
        return f"{of} of {name} detect curves, none where the neurons leave a gap"
    peaks = ", ".join(f"{detector['peak_degrees']:.0f}°" for detector in missing)
    are = "detector that is" if len(missing) == 1 else "detectors that are"
    return f"{name} has {len(missing)} {are} missing among the neurons, at {peaks}"


def neuron_findings(snapshot: Snapshot, neurons: Neurons) -> list[Finding]:
    """Say how many neurons mix features of several stimulus types."""
    of_dictionary = {row["dictionary_id"]: row["found"] for row in neurons.mixed}
    if not of_dictionary:
        return []
    parts = [f"{thousands(found)} according to {snapshot.short_labels[key]}" for key, found in of_dictionary.items()]
    sentence = f"Neurons to which features of two or more stimulus types each contribute a tenth: {_listed(parts)}."
    return [Finding("Mixed neurons", sentence, "neurons.html")]


def family_findings(snapshot: Snapshot, analyses: list[FamilyAnalysis]) -> list[Finding]:
    """Say how many features are in families, and whether families agree with stimulus types."""
    indices: dict[str, tuple[list[float], list[float]]] = {}
    for layer in separations(snapshot, analyses):
        for analysis, condition, scores in layer.rows:
            values = scores.get("adjusted_rand", [])
            own, controls = indices.setdefault(analysis.key, ([], []))
            (own if condition == "features" else controls).extend(values)
    found = []
    for analysis in analyses:
        in_families = sum(family.shape["size"] for family in analysis.families)
        sentence = (
            f"{thousands(in_families)} of {thousands(len(analysis.members))} live features of "
            f"{analysis.dictionary['dictionary_label']} are in {thousands(len(analysis.families))} families"
        )
        own, controls = indices.get(analysis.key, ([], []))
        if own:
            seeds = f"{len(own)} {'seed' if len(own) == 1 else 'seeds'}"
            sentence += (
                f"; their agreement with stimulus types is an adjusted Rand index of {mean_and_std(own)} over {seeds}"
            )
        if own and controls:
            above = min(own) > max(controls)
            sentence += f", {'above' if above else 'not above'} the controls’ largest, {mean_and_std([max(controls)])}"
        found.append(Finding("Families", f"{sentence}.", analysis.page))
    return found


def dimension_findings(sections: list[Section]) -> list[Finding]:
    """Say which parameters of stimuli a found dimension follows."""
    found = []
    for section in sections:
        best = [(parameter, section.best(parameter.name)) for parameter in section.parameters]
        scores = [(parameter.name, analysis.best[parameter.name][0]) for parameter, analysis in best if analysis]
        followed = [f"{name} with R² {score:.2f}" for name, score in scores if score >= IDENTIFIED]
        if not scores:
            continue
        units = (
            section.dictionary["dictionary_label"] if section.dictionary else f"the neurons of {section.set['layer']}"
        )
        name, most = max(scores, key=lambda score: score[1])
        said = (
            f"follow {_listed(followed)}"
            if followed
            else f"follow no parameter at R² ≥ {IDENTIFIED}; the most is {most:.2f}, {name}"
        )
        sentence = f"Of {len(scores)} stimulus parameters, dimensions of {units} {said}."
        found.append(Finding("Tuning dimensions", sentence, f"dimensions.html#{section.anchor}"))
    return found


def attack_findings(attacks: Attacks) -> list[Finding]:
    """Say what each experiment's best attack did to the verdict, those that flipped it first."""
    flipping = sorted(attacks.experiments, key=lambda experiment: not _flipped(experiment))
    return [
        Finding(
            "Attack" if not _flipped(experiment) else "Attack that flipped a verdict",
            f"{experiment.headline[0].upper()}{experiment.headline[1:]}. {_interval(experiment)}",
            f"attacks.html#{experiment.anchor}",
        )
        for experiment in flipping
    ]


def _flipped(experiment: AttackExperiment) -> bool:
    chief = experiment.find(experiment.shown_attack, experiment.shown_epsilon)
    return chief is not None and bool(experiment.read(chief)["verdict_flipped"])


def _interval(experiment: AttackExperiment) -> str:
    """Return the 95 % intervals before and after, and what they cover."""
    chief = experiment.find(experiment.shown_attack, experiment.shown_epsilon)
    readings = [experiment.read(each) for each in (experiment.clean, chief) if each is not None]
    intervals = " and ".join(f"{reading['low']:.2f}–{reading['high']:.2f}" for reading in readings)
    photographs = experiment.row["class_photographs"]
    return (
        f"95 % intervals: {intervals}, over {experiment.row['random_sets']} random sets and {thousands(photographs)} "
        f"{'photograph' if photographs == 1 else 'photographs'} of the class."
    )


def trust_findings(attacks: Attacks) -> list[Finding]:
    """Say how many clean and attacked sets tamper detection does not trust, at each layer."""
    return [
        Finding(
            "Tamper detection",
            f"At {rates.place[1]}, tamper detection does not trust {rates.summary}.",
            "attacks.html#trust",
        )
        for rates in attacks.rates
        if rates.attacked
    ]


def _listed(parts: list[str]) -> str:
    """Join parts by commas, the last by "and"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
