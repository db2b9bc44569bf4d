"""`sql/schema/06_tuning.sql`: responses of the layer's neurons and of the SAE's features to arcs and gratings."""

import numpy as np

from tasks.keys import content_key
from tests.sample_tables.planted import ACTIVATION_SET, DEAD, FEATURES, LAYER, LIVE, NETWORK, SAE
from tests.sample_tables.rows import Row, Tables, row, rows, together

STEP_DEGREES = 4.0
WIDTH_DEGREES = 60.0  # of a tuning curve, at half its maximum
NEURON_TUNING = content_key("sample tuning", 1, of="neurons")
FEATURE_TUNING = content_key("sample tuning", 1, of="features")


def planted_peak(unit: int) -> float:
    """Orientation of a unit's radial tuning curve, degrees, both for neurons and for the SAE's features."""
    return 9.0 * unit


def planted_detectors(kind: str) -> list[int]:
    """Curve detectors: the neurons leave the end of the circle out, the features go all around."""
    return list(range(0, 30, 3)) if kind == "neurons" else [feature for feature in LIVE if feature % 2 == 0]


def tuning_rows() -> Tables:
    return together([_one_unit_set("neurons", NEURON_TUNING, None), _one_unit_set("features", FEATURE_TUNING, SAE)])


def _one_unit_set(kind: str, key: str, dictionary: str | None) -> Tables:
    detectors = planted_detectors(kind)
    subject = {"network": NETWORK, "layer": LAYER, "activation_set_id": ACTIVATION_SET, "dictionary_id": dictionary}
    tables = {
        "unit_sets": [row("unit_sets", kind=kind, **subject, step_degrees=STEP_DEGREES, stimuli=4000, units=FEATURES)],
        "unit_tuning": [_tuning(unit, kind, unit in detectors) for unit in range(FEATURES)],
        "tuning_curves": [point for unit in detectors for point in _curves(unit)],
        "curve_detectors": [_detector(unit, kind) for unit in detectors],
    }
    return {table: [each | {"unit_set_id": key} for each in found] for table, found in tables.items()}


def _tuning(unit: int, kind: str, is_detector: bool) -> Row:
    """A curve detector, or a unit that answers gratings just as well, or a dead feature, which answers nothing."""
    if kind == "features" and unit in DEAD:
        return row("unit_tuning", unit=unit, stimulus_type="other")
    answers = {"confidence": 0.6, "best_response": 12.0, "best_arc_response": 10.0, "natural_maximum": 15.0}
    curve = {"peak_degrees": planted_peak(unit), "width_degrees": WIDTH_DEGREES, "echo": 0.01, "concentration": 0.9}
    verdict = {"stimulus_type": "grating", "straight_share": 0.9, "criteria_met": 4, "weakest_rendering": 0.7}
    if is_detector:
        verdict |= {"stimulus_type": "curve", "straight_share": 0.2, "criteria_met": 5, "is_curve_detector": True}
    return row("unit_tuning", unit=unit, **answers, **curve, **verdict)


def _curves(unit: int) -> list[Row]:
    """Responses to three kinds of arcs all around the circle, largest at the unit's peak."""
    angles = np.arange(0, 360, STEP_DEGREES)
    to_half = np.log(2) / (1 - np.cos(np.deg2rad(WIDTH_DEGREES / 2)))
    bump = 8 * np.exp(to_half * (np.cos(np.deg2rad(angles - planted_peak(unit))) - 1))
    return [
        point
        for stimulus, gain in (("arc", 1), ("arc dark line", 1.1), ("arc light line", 0.9))
        for point in rows("tuning_curves", unit=unit, stimulus=stimulus, angle_degrees=angles, response=gain * bump)
    ]


def _detector(unit: int, kind: str) -> Row:
    any_rendering = unit % 4 == 0
    radius, rendering, correlation = (20.0, "any", 0.9) if any_rendering else (12.0, "dark line", 0.4)
    answers = {"preferred_radius": radius, "rendering": rendering, "natural_correlation": correlation}
    detector = row("curve_detectors", unit=unit, curve_family=f"{radius:g} px, {rendering}", **answers)
    if kind == "neurons":
        return detector
    neurons = np.array(planted_detectors("neurons"))
    away = np.abs((planted_peak(neurons) - planted_peak(unit) + 180) % 360 - 180)
    return detector | {
        "nearest_neuron": int(neurons[np.argmin(away)]),
        "nearest_degrees": float(away.min()),
        "inside_arc": bool(away.min() > 30),
        "inside_gap": bool(away.min() > 10),
        "missing": bool(away.min() > 10) and any_rendering,
    }
