from tests.sql.audit_cases import INFINITY, NAN, bad_values, change, remove

VALID = {
    "dimension_pictures": {
        "dimension_analysis_id": "pca",
        "dimension": [1, 1, 2],
        "kind": ["rendered", "rendered", "patch"],
        "place": [0, 1, 0],
    },
    "tuning_scores": {
        "dimension_analysis_id": "pca",
        "dimension": 1,
        "parameter": ["frequency", "orientation", "phase"],
        "assigned": [True, False, False],
    },
    "dimension_paths": {
        "dimension_analysis_id": "pca",
        "dimension": 1,
        "parameter": ["frequency", "orientation"],
        "intended": [True, False],
        "spearman": [0.9, 0.1],
        "drift": [2.5, 0.15],
    },
}
FREQUENCY = {"dimension": 1, "parameter": "frequency"}
ORIENTATION = {"dimension": 1, "parameter": "orientation"}
PHASE = {"dimension": 1, "parameter": "phase"}

CASES = [
    (remove("dimension_paths", FREQUENCY), FREQUENCY | {"is_rendered": True, "spearman": None}),
    (
        remove("dimension_pictures", {"kind": "rendered"}),
        FREQUENCY | {"is_rendered": False},
        ORIENTATION | {"is_rendered": False},
    ),
    (
        change("dimension_paths", ORIENTATION, parameter="phase"),
        ORIENTATION | {"is_rendered": True, "spearman": None},
        PHASE | {"is_rendered": False, "spearman": 0.1},
    ),
    *bad_values("dimension_paths", FREQUENCY, names=FREQUENCY | {"assigned": True}, intended=[False]),
    *bad_values("dimension_paths", ORIENTATION, names=ORIENTATION | {"assigned": False}, intended=[True], drift=[1.1]),
    *bad_values("dimension_paths", FREQUENCY, names=FREQUENCY, spearman=[-1.1, 1.1, NAN], drift=[-0.1, NAN, INFINITY]),
    (remove("tuning_scores", ORIENTATION), ORIENTATION | {"assigned": None}),
]
