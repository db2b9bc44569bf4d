from tests.sql.audit_cases import NAN, bad_values, change, remove

VALID = {
    "family_analyses": {"family_analysis_id": "families", "group_order": 16},
    "feature_families": {"family_analysis_id": "families", "feature": [6, 14, 3], "family": [1, 1, 0]},
    "family_pairs": {
        "family_analysis_id": "families",
        "feature": [6, 14],
        "partner": [14, 6],
        "element": [1, 7],
        "similarity": 0.85,
        "examples": [8, 0],
        "fired": [0.875, None],
        "chance": [0.25, None],
    },
}
PAIR, BACK = {"feature": 6, "partner": 14}, {"feature": 14, "partner": 6}

CASES = [
    (
        change("feature_families", {"feature": 14}, family=0),
        PAIR | {"family": 1, "partner_family": 0},
        BACK | {"family": 0, "partner_family": 1},
    ),
    (
        change("feature_families", {"feature": 14}, family=None),
        PAIR | {"partner_family": None},
        BACK | {"family": None},
    ),
    (remove("feature_families", {"feature": 14}), PAIR | {"partner_family": None}, BACK | {"family": None}),
    *bad_values(
        "family_pairs",
        PAIR,
        names={"feature": 6, "group_order": 16},
        partner=[6, 99, 3],
        element=[16, -1],
        similarity=[1.1, -1.1, NAN],
        examples=[9, -1, 0],
        fired=[None, 1.1, NAN],
        chance=[None, -0.1],
    ),
    *bad_values("family_pairs", BACK, names=BACK, examples=[8], fired=[0.5], chance=[0.5]),
]
