from tests.sql.audit_cases import NAN, change

VALID = {
    "transform_blocks": {
        "dictionary_id": "crosscoder",
        "feature": [5, 5, 5, 5, 6, 6],
        "element": [0, 1, 2, 3, 0, 1],
        "mirrored": [False, False, True, True, False, False],
        "cosine_to_identity": [1.0, 0.2, 0.8, 0.4, 1.0, -0.2],
    },
    # the rotations of feature 6 have no reflections
    "feature_symmetry": {
        "dictionary_id": "crosscoder",
        "feature": [5, 6],
        "invariance": [0.6, 0.4],
        "mirror": [0.8, None],
        "mirror_element": [2, None],
    },
}
FEATURE = {"feature": 5}
WITHOUT_REFLECTIONS = {"feature": 6}

CASES = [
    (change("feature_symmetry", FEATURE, invariance=0.7), FEATURE | {"invariance": 0.7, "mean_profile": 0.6}),
    (change("feature_symmetry", FEATURE, invariance=NAN), FEATURE | {"invariance": NAN}),
    (change("feature_symmetry", FEATURE, mirror=-0.5), FEATURE | {"mirror": -0.5, "largest_reflection": 0.8}),
    (change("feature_symmetry", FEATURE, mirror=NAN), FEATURE | {"mirror": NAN}),
    (change("feature_symmetry", FEATURE, mirror=None), FEATURE | {"mirror": None}),
    (change("transform_blocks", FEATURE, mirrored=False), FEATURE | {"largest_reflection": None}),
    (change("feature_symmetry", FEATURE, mirror_element=1), FEATURE | {"mirror_element": 1}),
    (change("feature_symmetry", FEATURE, mirror_element=None), FEATURE | {"mirror_element": None}),
    (change("feature_symmetry", WITHOUT_REFLECTIONS, mirror=0.8), WITHOUT_REFLECTIONS | {"mirror": 0.8}),
]
