"""The page of curve detectors: those of the neurons and of each dictionary's features around the circle."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from tasks.report.pages.writer import PageWriter
from tasks.report.snapshot import Snapshot
from tasks.report.text import curve_code
from tasks.tuning.radial import HALF_MAXIMUM, WIDE_GAP, covered, gaps, uncovered_arcs


@dataclass(frozen=True)
class Circle:
    """Curve detectors of one unit set. numbers: row of the view curve_coverage; detectors: sorted by peak."""

    numbers: dict
    detectors: list[dict]
    families: list[dict]

    def drawn(self, snapshot: Snapshot, neurons: "Circle | None") -> dict:
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

    def uncovered(self, snapshot: Snapshot) -> list[tuple[float, float]]:
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


def curve_panels(snapshot: Snapshot) -> list[Panel]:
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


def write_curves(writer: PageWriter, panels: list[Panel]) -> None:
    writer.write("curves.html", "curves.html", panels=panels)
