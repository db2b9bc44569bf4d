from tests.sql.audit_cases import change, remove

VALID = {
    "dictionaries": {
        "dictionary_id": ["crosscoder", "sae"],
        "architecture": ["group-crosscoder", "sae"],
        "group_order": [16, 1],
    },
    "features": {
        "dictionary_id": ["crosscoder", "crosscoder", "sae"],
        "feature": [5, 7, 5],
        "dead": [False, True, False],
    },
    "feature_symmetry": {"dictionary_id": "crosscoder", "feature": 5, "type": "invariant"},
}
LIVE = {"dictionary_id": "crosscoder", "feature": 5, "dead": False}
DEAD = {"dictionary_id": "crosscoder", "feature": 7, "dead": True}
OF_SAE = {"dictionary_id": "sae", "feature": 5}

CASES = [
    (remove("feature_symmetry"), LIVE | {"type": None}),
    (change("feature_symmetry", feature=7), LIVE | {"type": None}, DEAD | {"type": "invariant"}),
    (change("feature_symmetry", dictionary_id="sae"), LIVE | {"type": None}, OF_SAE | {"type": "invariant"}),
]
