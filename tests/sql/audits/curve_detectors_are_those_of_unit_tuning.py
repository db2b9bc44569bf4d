from tests.sql.audit_cases import NAN, all_of, bad_values, change, remove

VALID = {
    "unit_sets": {"unit_set_id": ["neurons", "features"], "kind": ["neurons", "features"]},
    "unit_tuning": {
        "unit_set_id": ["neurons", "features", "features", "features"],
        "unit": [3, 0, 32, 33],
        "is_curve_detector": [True, True, True, False],
    },
    "curve_detectors": {
        "unit_set_id": ["neurons", "features", "features"],
        "unit": [3, 0, 32],
        "curve_family": "20 px, any",
        "natural_correlation": [0.4, 0.9, 0.9],
        "inside_arc": [None, False, True],
        "inside_gap": [None, False, True],
        "missing": [None, False, True],
    },
}
NEURON = {"unit_set_id": "neurons", "unit": 3}
BESIDE_A_NEURON = {"unit_set_id": "features", "unit": 0}
MISSING = {"unit_set_id": "features", "unit": 32}
NO_DETECTOR = {"unit_set_id": "features", "unit": 33, "is_curve_detector": False}

CASES = [
    (remove("curve_detectors", NEURON), NEURON | {"curve_family": None}),
    (change("curve_detectors", MISSING, unit=33), MISSING | {"curve_family": None}, NO_DETECTOR | {"missing": True}),
    *bad_values("curve_detectors", NEURON, names=NEURON, natural_correlation=[1.1, -1.1, NAN], missing=[False]),
    *bad_values("curve_detectors", MISSING, names=MISSING, natural_correlation=[0.6, None], missing=[None]),
    (
        change("curve_detectors", BESIDE_A_NEURON, missing=True),
        BESIDE_A_NEURON | {"missing": True, "natural_correlation": 0.9},
    ),
]
ALSO_VALID = [
    change("curve_detectors", NEURON, natural_correlation=None),
    change("curve_detectors", MISSING, inside_arc=False),
    all_of(
        change("curve_detectors", MISSING, missing=False), change("curve_detectors", MISSING, natural_correlation=0.6)
    ),
]
