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
]
