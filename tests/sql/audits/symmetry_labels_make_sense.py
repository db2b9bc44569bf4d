from tests.sql.audit_cases import bad_values, change

VALID = {
    "activation_sets": {
        "activation_set_id": ["set", "scales"],
        "transformations": ["rotations", "scale"],
        "octaves": [None, 1.0],
    },
    "dictionaries": {
        "dictionary_id": ["crosscoder", "of scales"],
        "activation_set_id": ["set", "scales"],
        "group_order": [16, 9],
    },
    "feature_symmetry": {
        "dictionary_id": ["crosscoder"] * 3 + ["of scales"],
        "feature": [5, 6, 7, 8],
        "type": ["period-180", "mixed", "invariant", "tuned"],
        "period_degrees": [180.0, None, None, None],
        "confidence": 0.8,
        "rotational_order": [2, 1, 0, None],
        "stabiliser": ["D_2", "trivial", "full", None],
        "stabiliser_order": [4, 1, 16, None],
        "mirror_axes_degrees": [[45.0, 135.0], [], [22.5 * number for number in range(8)], None],
        "preferred_octaves": [None, None, None, -0.25],
    },
}
LINE, MIXED, BLOB, SCALE = ({"feature": feature} for feature in (5, 6, 7, 8))

CASES = [
    *bad_values("feature_symmetry", LINE, names=LINE, type=["mixed"], period_degrees=[None, 0.0, 400.0]),
    *bad_values("feature_symmetry", LINE, names=LINE, confidence=[-0.1, 1.2], stabiliser=["full", "trivial"]),
    *bad_values("feature_symmetry", LINE, names=LINE, stabiliser_order=[3, 1, 16, -4]),
    *bad_values("feature_symmetry", MIXED, names=MIXED, period_degrees=[180.0]),
    *bad_values("feature_symmetry", BLOB, names=BLOB | {"group_order": 16}, stabiliser_order=[8]),
    (change("feature_symmetry", LINE, rotational_order=-1), LINE),
    *bad_values("feature_symmetry", BLOB, names=BLOB, type=["tuned"], stabiliser=[None], stabiliser_order=[None]),
    *bad_values("feature_symmetry", BLOB, names=BLOB, rotational_order=[None], preferred_octaves=[0.0]),
    *bad_values("feature_symmetry", SCALE, names=SCALE, preferred_octaves=[None, 1.5, -2.0], rotational_order=[1]),
    *bad_values("feature_symmetry", SCALE, names=SCALE, stabiliser=["trivial"], stabiliser_order=[1]),
    (change("feature_symmetry", SCALE, type="period-90", period_degrees=90.0), SCALE),
    *bad_values("feature_symmetry", LINE, names=LINE, mirror_axes_degrees=[[45.0], [], [-45.0, 45.0], [0.0, 180.0]]),
    *bad_values("feature_symmetry", MIXED, names=MIXED, mirror_axes_degrees=[[90.0]]),
    *bad_values("feature_symmetry", BLOB, names=BLOB, mirror_axes_degrees=[[90.0]]),
]
