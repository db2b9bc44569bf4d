from tests.sql.audit_cases import INFINITY, NAN, bad_values

VALID = {
    "unit_tuning": {
        "unit_set_id": "features",
        "unit": [32, 33],
        "stimulus_type": ["curve", "other"],
        "confidence": [0.6, 0.0],
        "best_response": [12.0, 0.0],
        "best_arc_response": [10.0, 0.0],
        "natural_maximum": [15.0, 0.0],
        "peak_degrees": [288.0, None],
        "width_degrees": [60.0, None],
        "echo": [0.01, None],
        "concentration": [0.9, None],
        "weakest_rendering": [0.7, None],
        "straight_share": [0.2, None],
        "criteria_met": [5, 0],
        "is_curve_detector": [True, False],
    },
}
DETECTOR, SILENT = {"unit": 32}, {"unit": 33}

CASES = [
    *bad_values(
        "unit_tuning",
        DETECTOR,
        names=DETECTOR,
        confidence=[1.2, -0.1],
        peak_degrees=[360.0, -1.0, None],
        width_degrees=[0.0, 361.0, None],
        echo=[0.3, None],
        concentration=[1.1, 0.6, None],
        criteria_met=[4, 6],
        is_curve_detector=[False],
    ),
    *bad_values(
        "unit_tuning",
        DETECTOR,
        names=DETECTOR,
        shown=False,
        best_response=[NAN, 9.9],
        best_arc_response=[NAN, 1.4],
        natural_maximum=[INFINITY, 101.0, 0.0],
        weakest_rendering=[0.2, None],
        straight_share=[0.6, None],
    ),
    *bad_values(
        "unit_tuning", SILENT, names=SILENT, peak_degrees=[0.0], criteria_met=[5, -1], is_curve_detector=[True]
    ),
]
