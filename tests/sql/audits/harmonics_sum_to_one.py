from tests.sql.audit_cases import all_of, change, remove

VALID = {
    "activation_sets": {"activation_set_id": ["set", "scales"], "transformations": ["rotations", "scale"]},
    "dictionaries": {
        "dictionary_id": ["crosscoder", "sae", "of scales"],
        "activation_set_id": ["set", "set", "scales"],
        "group_order": [16, 1, 9],
    },
    "features": {
        "dictionary_id": ["crosscoder", "crosscoder", "sae", "of scales"],
        "feature": [5, 7, 5, 5],
        "dead": [False, True, False, False],
    },
    "feature_harmonics": {
        "dictionary_id": "crosscoder",
        "feature": 5,
        "harmonic": [0, 1, 2],
        "energy": [0.7, 0.3, 0.0],
    },
}
LIVE = {"dictionary_id": "crosscoder", "feature": 5}

CASES = [
    (change("feature_harmonics", {"harmonic": 1}, energy=0.31), LIVE | {"energy": 1.01}),
    (change("feature_harmonics", {"harmonic": 1}, energy=0.29), LIVE | {"energy": 0.99}),
    (
        all_of(
            change("feature_harmonics", {"harmonic": 0}, energy=1.7),
            change("feature_harmonics", {"harmonic": 2}, energy=-1.0),
        ),
        LIVE | {"energy": 1.0, "least": -1.0},
    ),
    (remove("feature_harmonics"), LIVE | {"harmonics": 0}),
]
