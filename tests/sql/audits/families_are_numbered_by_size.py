from tests.sql.audit_cases import all_of, change, remove

VALID = {
    "family_analyses": {
        "family_analysis_id": ["of crosscoder", "of sae"],
        "families": [3, 1],
        "min_family_size": 2,
    },
    "family_shapes": {
        "family_analysis_id": ["of crosscoder", "of crosscoder", "of crosscoder", "of sae"],
        "family": [0, 1, 2, 0],
        "size": [3, 2, 2, 4],
    },
    "feature_families": {
        "family_analysis_id": ["of crosscoder"] * 8 + ["of sae"] * 4,
        "feature": [*range(8), *range(4)],
        "family": [0, 0, 0, 1, 1, 2, 2, None, 0, 0, 0, 0],
    },
}
ANALYSIS = {"family_analysis_id": "of crosscoder"}
OF_SAE = {"family_analysis_id": "of sae"}


def family(number):
    return ANALYSIS | {"family": number}


CASES = [
    (
        change("family_analyses", ANALYSIS, families=4),
        *(family(number) | {"families": 4, "families_found": 3} for number in range(3)),
    ),
    (remove("family_shapes", OF_SAE), OF_SAE | {"families": 1, "families_found": None}),
    (
        change("family_analyses", ANALYSIS, min_family_size=3),
        family(1) | {"size": 2},
        family(2) | {"size": 2},
    ),
    (
        all_of(change("family_shapes", family(2), family=3), change("feature_families", family(2), family=3)),
        family(3) | {"expected_family": 2, "members": 2},
    ),
    (
        change("family_shapes", family(1), size=4),
        family(1) | {"size": 4, "size_before": 3, "members": 2},
    ),
    (
        all_of(
            change("family_shapes", family(2), size=3),
            change("feature_families", ANALYSIS | {"feature": 7}, family=2),
        ),
        family(2) | {"size": 3, "size_before": 2, "members": 3},
    ),
    (change("family_shapes", family(0), size=4), family(0) | {"size": 4, "members": 3}),
    (
        change("feature_families", ANALYSIS | {"feature": 4}, family=0),
        family(0) | {"size": 3, "members": 4},
        family(1) | {"size": 2, "members": 1},
    ),
    (change("feature_families", family(2), family=None), family(2) | {"members": None}),
]
