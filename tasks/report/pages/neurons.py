"""The list of mixed neurons, and a page for each mixed neuron and each neuron that detects curves."""

from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby

from tasks.report.pages.curves import Panel
from tasks.report.pages.writer import PageWriter
from tasks.report.sheets import SheetWriter
from tasks.report.snapshot import Example, Snapshot
from tasks.report.text import neuron_page

MIXED_PER_DICTIONARY = 40


@dataclass(frozen=True)
class Neurons:
    """The neurons with a page: mixed neurons and curve detectors. Their keys are (activation set, neuron).

    mixed: rows of `mixed_neurons`, the most mixed first. mixtures: for each dictionary that decomposes the neuron, its
    features, the largest share first, each with its patches. detectors: the unit set of each curve detector.
    """

    mixed: list[dict]
    mixtures: dict[tuple[str, int], list[dict]]
    detectors: dict[tuple[str, int], str]

    @property
    def shown(self) -> list[tuple[str, int]]:
        return sorted(self.mixtures.keys() | self.detectors.keys())


def shown_neurons(snapshot: Snapshot, panels: list[Panel], sheets: SheetWriter) -> Neurons:
    """Return the neurons with a page; write a sheet of patches for each."""
    mixed = snapshot.rows("mixed_neurons", per_dictionary=MIXED_PER_DICTIONARY)
    circles = [(panel.set["activation_set_id"], panel.neurons) for panel in panels if panel.neurons]
    detectors = {
        (key, detector["unit"]): detector["unit_set_id"] for key, circle in circles for detector in circle.detectors
    }
    shown = {(row["activation_set_id"], row["neuron"]) for row in mixed} | detectors.keys()
    patches = export_neuron_patches(snapshot, sheets, shown)
    mixtures: defaultdict[tuple[str, int], dict[str, dict]] = defaultdict(dict)
    for row in snapshot.rows("neuron_features"):
        key, dictionary = (row["activation_set_id"], row["neuron"]), row["dictionary_id"]
        if key in shown:
            mixture = mixtures[key].setdefault(
                dictionary, {"dictionary": snapshot.dictionary[dictionary], "features": []}
            )
            feature = {
                "of": snapshot.feature[dictionary, row["feature"]],
                "patches": patches[dictionary, row["neuron"], row["feature"]],
            }
            mixture["features"].append(row | feature)
    return Neurons(mixed, {key: list(of_neuron.values()) for key, of_neuron in mixtures.items()}, detectors)


def export_neuron_patches(
    snapshot: Snapshot, sheets: SheetWriter, shown: set[tuple[str, int]]
) -> dict[tuple[str, int, int], list[Example]]:
    """Write sheets of shown (activation set, neuron); return {(dictionary, neuron, feature): examples}."""
    examples = defaultdict(list)
    rows = snapshot.stream("neuron_examples")
    for (dictionary, neuron), of_neuron in groupby(rows, key=lambda row: (row["dictionary_id"], row["neuron"])):
        if (snapshot.dictionary[dictionary]["activation_set_id"], neuron) not in shown:
            continue
        top = list(of_neuron)
        sheet = sheets.add(f"{dictionary[:12]}-neuron-{neuron}", [row["patch"] for row in top])
        for place, row in enumerate(top):
            example = Example(sheet, place, len(top), row["image_id"], row["y"], row["x"], "as is", row["activation"])
            examples[dictionary, neuron, row["feature"]].append(example)
    return examples


def write_neurons(writer: PageWriter, snapshot: Snapshot, neurons: Neurons) -> None:
    if neurons.mixed:
        writer.write("neurons.html", "neurons.html", neurons=neurons, MIXED_PER_DICTIONARY=MIXED_PER_DICTIONARY)
    sets = {activation_set["activation_set_id"]: activation_set for activation_set in snapshot.sets}
    for key, neuron in neurons.shown:
        writer.write(
            f"neurons/{neuron_page(key, neuron)}",
            "neuron.html",
            set=sets[key],
            neuron=neuron,
            neurons=neurons,
            mixtures=neurons.mixtures.get((key, neuron), []),
            tuning=snapshot.tuning.get((neurons.detectors.get((key, neuron), ""), neuron)),
        )
