"""The pages of single units: curve detectors around the circle, and the features that neurons mix."""

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
    """Encode a tuning curve, divided by its maximum: a byte for each response, base64."""
    responses_n = np.asarray(responses).clip(min=0)
    return base64.b64encode(np.rint(255 * responses_n / responses_n.max()).astype(np.uint8).tobytes()).decode()


def tuning_numbers(unit: dict) -> dict:
    """Return the data of the polar plot of a unit of `Snapshot.tuning`."""
    return {
        "peak": round(unit["peak_degrees"], 2),
        "curves": {name: [float(f"{value:.4g}") for value in curve] for name, curve in unit["curves"].items()},
    }


@dataclass(frozen=True)
class Circle:
    """Curve detectors of one unit set. numbers: row of the view curve_coverage; detectors: sorted by peak."""

    numbers: dict
    detectors: list[dict]
    families: list[dict]

    def drawn(self, snapshot: "Snapshot", neurons: "Circle | None") -> dict:
        """Return the data of the plot; gaps and uncovered arcs are those of the neurons."""
        return {
            "detectors": [
                {
                    "unit": detector["unit"],
                    "peak": round(detector["peak_degrees"], 2),
                    "missing": detector["missing"],
                    "href": snapshot.unit_page(self.numbers, detector["unit"]),
                    "curve": curve_code(snapshot.tuning[detector["unit_set_id"], detector["unit"]]["curves"]["arc"]),
                }
                for detector in self.detectors
            ],
            "gaps": neurons.wide_gaps() if neurons else [],
            "uncovered": neurons.uncovered(snapshot) if neurons else [],
        }

    def wide_gaps(self) -> list[tuple[float, float]]:
        """Return (start, width) of the gaps wider than WIDE_GAP between successive peaks, in degrees."""
        arcs = [gap.arc for gap in gaps(np.array([detector["peak_degrees"] for detector in self.detectors]))]
        return [(round(arc.start, 2), round(arc.width, 2)) for arc in arcs if arc.width > WIDE_GAP]

    def uncovered(self, snapshot: "Snapshot") -> list[tuple[float, float]]:
        """Return (start, width) of the arcs in which no detector reaches half its maximum, in degrees."""
        curves = [
            snapshot.tuning[detector["unit_set_id"], detector["unit"]]["curves"]["arc"] for detector in self.detectors
        ]
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
    """Return a panel for each activation set with tuning curves, in the network's order."""
    detectors, families, circles = defaultdict(list), defaultdict(list), defaultdict(list)
    for row in snapshot.rows("curve_detectors"):
        detectors[row["unit_set_id"]].append(row)
    for row in snapshot.rows("curve_families"):
        families[row["unit_set_id"]].append(row)
    for row in snapshot.rows("curve_unit_sets"):
        unit_set = row["unit_set_id"]
        circles[row["activation_set_id"]].append(Circle(row, detectors[unit_set], families[unit_set]))
    panels = []
    for activation_set in snapshot.sets:
        of_set = circles[activation_set["activation_set_id"]]
        if of_set:
            neurons = next((circle for circle in of_set if circle.numbers["kind"] == "neurons"), None)
            panels.append(Panel(activation_set, neurons, [circle for circle in of_set if circle is not neurons]))
    return panels


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


def shown_neurons(snapshot: "Snapshot", panels: list[Panel], folder: Path) -> Neurons:
    """Return the neurons with a page; write their patches into a folder."""
    mixed = snapshot.rows("mixed_neurons", per_dictionary=MIXED_PER_DICTIONARY)
    circles = [(panel.set["activation_set_id"], panel.neurons) for panel in panels if panel.neurons]
    detectors = {
        (key, detector["unit"]): detector["unit_set_id"] for key, circle in circles for detector in circle.detectors
    }
    shown = {(row["activation_set_id"], row["neuron"]) for row in mixed} | detectors.keys()
    patches = snapshot.export_neuron_patches(folder, shown)
    mixtures = defaultdict(dict)
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
