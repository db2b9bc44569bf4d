from tests.sql.audit_cases import NAN, change

VALID = {
    "family_shapes": {
        "family_analysis_id": "families",
        "family": [1, 4],
        "prototype": [6, 4],
        "mean_similarity": [0.95, 1.0],
    },
    "feature_families": {
        "family_analysis_id": "families",
        "feature": [4, 6, 14, 15],
        "family": [4, 1, 1, None],
        "element": [0, 0, 1, None],
        "orientation_degrees": [None, 0.0, 45.0, None],
        "similarity": [1.0, 1.0, 0.9, None],
    },
}
FAMILY = {"family": 1}
PROTOTYPE, MEMBER = {"feature": 6}, {"feature": 14}

CASES = [
    (change("family_shapes", FAMILY, prototype=15), FAMILY | {"prototype": 15, "prototype_family": None}),
    (change("family_shapes", FAMILY, prototype=99), FAMILY | {"prototype": 99, "prototype_family": None}),
    (change("family_shapes", FAMILY, prototype=4), FAMILY | {"prototype": 4, "prototype_family": 4}),
    (change("feature_families", PROTOTYPE, element=4), FAMILY | {"element": 4}),
    (change("feature_families", PROTOTYPE, orientation_degrees=1.0), FAMILY | {"orientation_degrees": 1.0}),
    (change("feature_families", PROTOTYPE, similarity=0.9), FAMILY | {"similarity": 0.9}),
    (change("feature_families", PROTOTYPE, similarity=NAN), FAMILY | {"similarity": NAN}),
    (change("feature_families", MEMBER, similarity=0.5), FAMILY | {"mean_similarity": 0.95}),
    (change("family_shapes", FAMILY, mean_similarity=NAN), FAMILY | {"mean_similarity": NAN}),
    (change("family_shapes", FAMILY, prototype=14), FAMILY | {"prototype": 14, "orientation_degrees": 45.0}),
]
