"""What the site says of single units: curve detectors around the circle, and what neurons are made of."""

import base64
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tasks.tuning.radial import HALF_MAXIMUM, WIDE_GAP, covered, gaps, uncovered_arcs

if TYPE_CHECKING:
    from tasks.report.page import Snapshot

MIXED_PER_DICTIONARY = 40


def neuron_page(activation_set: str, neuron: int) -> str:
    return f"{activation_set[:12]}-{neuron}.html"


def curve_code(responses: list[float]) -> str:
    """One byte a response, of the largest one, base64: enough to draw a curve over its own maximum."""
    responses_n = np.asarray(responses).clip(min=0)
    return base64.b64encode(np.rint(255 * responses_n / responses_n.max()).astype(np.uint8).tobytes()).decode()


def tuning_numbers(unit: dict) -> dict:
    """What a sheet's polar plot is drawn from: a unit of `Snapshot.tuning`."""
    return {
        "peak": round(unit["peak_degrees"], 2),
        "curves": {name: [float(f"{value:.4g}") for value in curve] for name, curve in unit["curves"].items()},
    }


@dataclass(frozen=True)
class Circle:
    """Curve detectors of one subject: `numbers` as in the view curve_coverage, `detectors` by their peaks."""

    numbers: dict
    detectors: list[dict]
    families: list[dict]

    def drawn(self, snapshot: "Snapshot", neurons: "Circle | None") -> dict:
        """What the plot is drawn from; the gaps are those that neurons leave."""
        return {
            "detectors": [
                {
                    "unit": each["unit"],
                    "peak": round(each["peak_degrees"], 2),
                    "missing": each["missing"],
                    "href": snapshot.unit_page(self.numbers, each["unit"]),
                    "curve": curve_code(snapshot.tuning[each["unit_set_id"], each["unit"]]["curves"]["arc"]),
                }
                for each in self.detectors
            ],
            "gaps": neurons.wide_gaps() if neurons else [],
            "uncovered": neurons.uncovered(snapshot) if neurons else [],
        }

    def wide_gaps(self) -> list[tuple[float, float]]:
        """(start, width) of the gaps between successive peaks."""
        found = gaps(np.array([each["peak_degrees"] for each in self.detectors]))
        return [(round(gap.arc.start, 2), round(gap.arc.width, 2)) for gap in found if gap.arc.width > WIDE_GAP]

    def uncovered(self, snapshot: "Snapshot") -> list[tuple[float, float]]:
        """(start, width) of the arcs in which no detector reaches half its maximum."""
        curves = [snapshot.tuning[each["unit_set_id"], each["unit"]]["curves"]["arc"] for each in self.detectors]
        if not curves:
            return [(0.0, 360.0)]
        arcs = uncovered_arcs(covered(np.array(curves), HALF_MAXIMUM))
        return [(round(arc.start, 2), round(arc.width, 2)) for arc in arcs]


@dataclass(frozen=True)
class Panel:
    """The circles of one activation set: its layer's neurons, and the features of each of its dictionaries."""

    set: dict
    neurons: Circle | None
    features: list[Circle]

    @property
    def circles(self) -> list[Circle]:
        return [*([self.neurons] if self.neurons else []), *self.features]

    @property
    def has_detectors(self) -> bool:
        return any(circle.detectors for circle in self.circles)


def curve_panels(snapshot: "Snapshot") -> list[Panel]:
    """One panel an activation set that was tuned, in the order of the network."""
    detectors, families, circles = defaultdict(list), defaultdict(list), defaultdict(list)
    for row in snapshot.rows("curve_detectors"):
        detectors[row["unit_set_id"]].append(row)
    for row in snapshot.rows("curve_families"):
        families[row["unit_set_id"]].append(row)
    for row in snapshot.rows("curve_unit_sets"):
        subject = row["unit_set_id"]
        circles[row["activation_set_id"]].append(Circle(row, detectors[subject], families[subject]))
    panels = []
    for each in snapshot.sets:
        found = circles[each["activation_set_id"]]
        if found:
            neurons = next((circle for circle in found if circle.numbers["kind"] == "neurons"), None)
            panels.append(Panel(each, neurons, [circle for circle in found if circle is not neurons]))
    return panels


@dataclass(frozen=True)
class Neurons:
    """The neurons that the site shows, decomposed ones and curve detectors, named (activation set, neuron).

    mixed: rows of `mixed_neurons`, the most mixed first. mixtures: what a neuron is made of, an entry a dictionary: its
    features, the largest share first, each with the patches that it carries. detectors: to the subject of the neurons.
    """

    mixed: list[dict]
    mixtures: dict[tuple[str, int], list[dict]]
    detectors: dict[tuple[str, int], str]

    @property
    def shown(self) -> list[tuple[str, int]]:
        return sorted(self.mixtures.keys() | self.detectors.keys())


def shown_neurons(snapshot: "Snapshot", panels: list[Panel], folder: Path) -> Neurons:
    """Writes the neurons' patches into a folder."""
    mixed = snapshot.rows("mixed_neurons", per_dictionary=MIXED_PER_DICTIONARY)
    circles = [(panel.set["activation_set_id"], panel.neurons) for panel in panels if panel.neurons]
    detectors = {(key, each["unit"]): each["unit_set_id"] for key, circle in circles for each in circle.detectors}
    shown = {(row["activation_set_id"], row["neuron"]) for row in mixed} | detectors.keys()
    patches = snapshot.export_neuron_patches(folder, shown)
    mixtures = defaultdict(dict)
    for row in snapshot.rows("neuron_features"):
        key, of = (row["activation_set_id"], row["neuron"]), row["dictionary_id"]
        if key in shown:
            parts = mixtures[key].setdefault(of, {"dictionary": snapshot.dictionary[of], "features": []})
            more = {"of": snapshot.feature[of, row["feature"]], "patches": patches[of, row["neuron"], row["feature"]]}
            parts["features"].append(row | more)
    return Neurons(mixed, {key: list(found.values()) for key, found in mixtures.items()}, detectors)
