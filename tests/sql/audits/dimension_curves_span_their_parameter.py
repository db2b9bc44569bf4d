from tests.sql.audit_cases import INFINITY, NAN, change, remove

# two dimensions with a curve along colour, and the first also with one along each of the other parameters
PARAMETERS = ["colour", "colour", "orientation", "phase", "direction", "frequency", "curvature"]
LOWEST = [0.0, 0.0, 0.0, 0.0, 0.0, 0.03, 0.0]
HIGHEST = [150.0, 150.0, 165.0, 315.0, 330.0, 0.34, 0.08]
DIMENSIONS = [0, 1, 0, 0, 0, 0, 0]
VALID = {
    "tuning_scores": {
        "dimension_analysis_id": "pca",
        "dimension": DIMENSIONS,
        "parameter": PARAMETERS,
        "r_squared": 0.1,
    },
    "dimension_curves": {
        "dimension_analysis_id": "pca",
        "dimension": DIMENSIONS * 2,
        "parameter": PARAMETERS * 2,
        "value": LOWEST + HIGHEST,
        "mean": -1.4,
        "std": 0.0,
    },
}
CURVE = {"dimension": 1, "parameter": "colour"}

CASES = [
    (remove("dimension_curves", CURVE), CURVE | {"r_squared": 0.1, "values": None}),
    (remove("tuning_scores", CURVE), CURVE | {"r_squared": None, "values": [0.0, 150.0]}),
    (
        remove("dimension_curves", CURVE | {"value": 0.0}),
        CURVE | {"values": [150.0], "expected_values": [0.0, 150.0]},
    ),
    (change("dimension_curves", CURVE, mean=NAN), CURVE | {"possible": False}),
    (change("dimension_curves", CURVE, std=-0.1), CURVE | {"possible": False}),
    (change("dimension_curves", CURVE, std=INFINITY), CURVE | {"possible": False}),
    *(
        (
            change("dimension_curves", {"parameter": parameter, "value": value}, value=bad),
            {"parameter": parameter, "dimension": 0},
        )
        for parameter, value, bad in [
            ("orientation", 165.0, 180.0),
            ("orientation", 0.0, -1.0),
            ("phase", 315.0, 360.0),
            ("phase", 0.0, -1.0),
            ("direction", 330.0, 360.0),
            ("direction", 0.0, -1.0),
            ("frequency", 0.34, 0.51),
            ("frequency", 0.03, 0.0),
            ("curvature", 0.0, -0.1),
            ("curvature", 0.08, INFINITY),
        ]
    ),
    *(
        (
            change("dimension_curves", {"parameter": "colour", "value": value}, value=bad),
            {"parameter": "colour", "dimension": 0},
            {"parameter": "colour", "dimension": 1},
        )
        for value, bad in [(0.0, -1.0), (150.0, 180.0)]
    ),
]
