from tests.sql.audit_cases import NAN, all_of, bad_values, change, remove

VALID = {
    "matched_dictionaries": {
        "dictionary_id": "sae",
        "other_dictionary_id": ["cross", "replica"],
        "other_features": [8, 3],
    },
    "features": {"dictionary_id": "sae", "feature": [0, 1, 2], "dead": [False, False, True]},
    "feature_matches": {
        "dictionary_id": "sae",
        "feature": [0, 1, 0, 1],
        "other_dictionary_id": ["cross", "cross", "replica", "replica"],
        "other_feature": [7, 7, 2, 0],
        "cosine": [1.0, -0.1, 0.5, 0.4],
    },
}
FIRST = {"other_dictionary_id": "cross", "feature": 0}
REPLICA = {"other_dictionary_id": "replica"}

CASES = [
    (remove("feature_matches", FIRST), FIRST | {"other_feature": None}),
    (
        change("features", {"feature": 1}, dead=True),
        *({"feature": 1, "other_dictionary_id": other} for other in ("cross", "replica")),
    ),
    *bad_values("feature_matches", FIRST, names=FIRST, other_feature=[-1, 8], cosine=[1.1, -1.1, NAN]),
    (
        all_of(
            *(
                change(table, REPLICA, other_dictionary_id="sae")
                for table in ("matched_dictionaries", "feature_matches")
            )
        ),
        *({"other_dictionary_id": "sae", "feature": feature} for feature in (0, 1, 2)),
    ),
]
