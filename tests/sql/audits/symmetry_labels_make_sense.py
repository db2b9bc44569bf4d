from tests.sql.audit_cases import bad_values, change

VALID = {
    "dictionaries": {"dictionary_id": "crosscoder", "group_order": 16},
    "feature_symmetry": {
        "dictionary_id": "crosscoder",
        "feature": [5, 6, 7],
        "type": ["period-180", "mixed", "invariant"],
        "period_degrees": [180.0, None, None],
        "confidence": 0.8,
        "rotational_order": [2, 1, 0],
        "stabiliser": ["D_2", "trivial", "full"],
        "stabiliser_order": [4, 1, 16],
        "mirror_axes_degrees": [[45.0, 135.0], [], [22.5 * number for number in range(8)]],
    },
}
LINE, MIXED, BLOB = {"feature": 5}, {"feature": 6}, {"feature": 7}

CASES = [
    *bad_values("feature_symmetry", LINE, names=LINE, type=["mixed"], period_degrees=[None, 0.0, 400.0]),
    *bad_values("feature_symmetry", LINE, names=LINE, confidence=[-0.1, 1.2], stabiliser=["full", "trivial"]),
    *bad_values("feature_symmetry", LINE, names=LINE, stabiliser_order=[3, 1, 16, -4]),
    *bad_values("feature_symmetry", MIXED, names=MIXED, period_degrees=[180.0]),
    *bad_values("feature_symmetry", BLOB, names=BLOB | {"group_order": 16}, stabiliser_order=[8]),
    (change("feature_symmetry", LINE, rotational_order=-1), LINE),
    *bad_values("feature_symmetry", LINE, names=LINE, mirror_axes_degrees=[[45.0], [], [-45.0, 45.0], [0.0, 180.0]]),
    *bad_values("feature_symmetry", MIXED, names=MIXED, mirror_axes_degrees=[[90.0]]),
    *bad_values("feature_symmetry", BLOB, names=BLOB, mirror_axes_degrees=[[90.0]]),
]
