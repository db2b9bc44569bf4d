from tests.sql.audit_cases import all_of, change, remove

VALID = {
    "family_analyses": {"family_analysis_id": "families", "n_rotations": 8},
    "family_shapes": {"family_analysis_id": "families", "family": [1, 2], "size": [5, 65]},
    "feature_families": {"family_analysis_id": "families", "feature": [6, 14, 5, 21], "family": [1, 1, 2, 2]},
    # 1 is the rotation by 45° and 7 its inverse; 8 is a reflection and its own inverse
    "family_pairs": {
        "family_analysis_id": "families",
        "feature": [6, 14, 5, 21],
        "partner": [14, 6, 21, 5],
        "element": [1, 7, 8, 8],
        "similarity": 0.85,
    },
}
PAIR, BACK = {"feature": 6, "partner": 14}, {"feature": 14, "partner": 6}
OF_REFLECTION, REFLECTED_BACK = {"feature": 5, "partner": 21}, {"feature": 21, "partner": 5}

CASES = [
    (remove("family_pairs", PAIR), BACK | {"element": 7, "element_back": None, "size": 5}),
    (
        change("family_pairs", PAIR, element=2),
        PAIR | {"element": 2, "element_back": 7},
        BACK | {"element": 7, "element_back": 2},
    ),
    (
        change("family_pairs", PAIR, similarity=0.5),
        PAIR | {"similarity": 0.5, "similarity_back": 0.85},
        BACK | {"similarity": 0.85, "similarity_back": 0.5},
    ),
    (
        change("family_pairs", OF_REFLECTION, element=0),
        OF_REFLECTION | {"element": 0, "element_back": 8},
        REFLECTED_BACK | {"element": 8, "element_back": 0},
    ),
    (remove("family_pairs", OF_REFLECTION), REFLECTED_BACK | {"element_back": None, "size": 65}),
]
ALSO_VALID = [
    # in a larger family partners need not keep each other
    all_of(change("family_shapes", {"family": 1}, size=66), remove("family_pairs", PAIR)),
    all_of(change("family_pairs", PAIR, element=0), change("family_pairs", BACK, element=0)),
]
