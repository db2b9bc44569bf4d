from tests.sql.audit_cases import INFINITY, NAN, bad_values, change

VALID = {
    "family_analyses": {
        "family_analysis_id": ["of crosscoder", "of sae"],
        "n_rotations": [8, 1],
        "group_order": [16, 1],
    },
    "family_shapes": {
        "family_analysis_id": ["of crosscoder", "of crosscoder", "of sae"],
        "family": [1, 3, 0],
        "period_degrees": [180.0, None, None],
    },
    "feature_families": {
        "family_analysis_id": ["of crosscoder", "of crosscoder", "of crosscoder", "of sae"],
        "feature": [14, 11, 15, 2],
        "family": [1, 3, None, 0],
        "strength": [0.9, 0.9, 0.0, 0.9],
        "element": [1, 8, None, 0],
        "orientation_degrees": [45.0, None, None, None],
        "mirrored": [False, True, None, False],
        "similarity": [0.93, 1.0, None, 1.0],
        "map_x": 4.0,
        "map_y": 0.5,
        "stimulus_type": ["line", "colour", None, "curve"],
        "stimulus_confidence": [0.4, 0.4, None, 0.4],
    },
}
MEMBER, BLOB, LONER, OF_SAE = {"feature": 14}, {"feature": 11}, {"feature": 15}, {"feature": 2}

CASES = [
    *bad_values(
        "feature_families",
        MEMBER,
        names=MEMBER | {"period_degrees": 180.0},
        element=[None, 16, -1, 8],
        mirrored=[True, None],
        orientation_degrees=[None, 180.0, -1.0, NAN],
        similarity=[None, 1.1, -1.1, NAN],
        strength=[1.1, -0.1, NAN],
        stimulus_confidence=[None, 1.1, -0.1],
    ),
    *bad_values(
        "feature_families",
        MEMBER,
        names=MEMBER,
        shown=False,
        stimulus_type=[None],
        map_x=[NAN],
        map_y=[INFINITY],
    ),
    *bad_values(
        "feature_families",
        LONER,
        names=LONER,
        element=[0],
        mirrored=[False],
        orientation_degrees=[0.0],
        similarity=[0.5],
    ),
    *bad_values("feature_families", BLOB, names=BLOB | {"period_degrees": None}, orientation_degrees=[0.0]),
    *bad_values("feature_families", OF_SAE, names=OF_SAE, element=[1]),
    (change("feature_families", MEMBER, family=None), MEMBER | {"family": None}),
]
