from tests.sql.audit_cases import NAN, all_of, change, remove

VALID = {
    "unit_sets": {"unit_set_id": "neurons", "step_degrees": 90.0},
    "unit_tuning": {
        "unit_set_id": "neurons",
        "unit": [3, 4],
        "peak_degrees": [350.0, 10.0],
        "is_curve_detector": [True, False],
    },
    "tuning_curves": {
        "unit_set_id": "neurons",
        "unit": 3,
        "stimulus": ["arc"] * 4 + ["arc dark line"] * 4,
        "angle_degrees": [0.0, 90.0, 180.0, 270.0] * 2,
        "response": [8.0, 1.0, 0.0, 1.0, 2.0, 9.0, 2.0, 0.0],
    },
}
DETECTOR = {"unit_set_id": "neurons", "unit": 3}
ARC = {"stimulus": "arc"}

CASES = [
    (remove("tuning_curves"), DETECTOR | {"stimulus": None}),
    (remove("tuning_curves", ARC | {"angle_degrees": 90.0}), DETECTOR | ARC | {"angles": 3}),
    (change("tuning_curves", ARC | {"angle_degrees": 270.0}, angle_degrees=268.0), ARC | {"last_angle": 268.0}),
    (
        change("tuning_curves", {"stimulus": "arc dark line", "angle_degrees": 90.0}, response=NAN),
        {"stimulus": "arc dark line", "impossible": 1},
    ),
    (
        change("tuning_curves", ARC | {"angle_degrees": 180.0}, response=9.0),
        ARC | {"largest_at": 180.0, "peak_degrees": 350.0},
    ),
]
ALSO_VALID = [all_of(remove("tuning_curves"), change("unit_tuning", DETECTOR, is_curve_detector=False))]
