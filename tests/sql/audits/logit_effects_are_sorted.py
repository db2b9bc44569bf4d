from tests.sql.audit_cases import INFINITY, NAN, bad_values, change, remove

VALID = {
    "networks": {"network": "net", "classes": 10},
    "activation_sets": {"activation_set_id": "set", "network": "net"},
    "dictionaries": {"dictionary_id": "sae", "activation_set_id": "set"},
    "feature_logit_effects": {
        "dictionary_id": "sae",
        "feature": [1, 1, 1, 1, 2],
        "direction": ["lowered", "lowered", "raised", "raised", "raised"],
        "rank": [1, 2, 1, 2, 1],
        "class_index": [9, 4, 0, 3, 9],
        "class_name": "tabby",
        "change": [-2.0, -1.0, 0.5, 0.5, 3.0],
        "std_error": [0.1, 0.0, 0.2, 0.1, None],
        "images": [8, 8, 8, 8, 1],
    },
}
FIRST, SECOND = {"feature": 1, "direction": "lowered", "rank": 1}, {"feature": 1, "direction": "lowered", "rank": 2}
RAISED = {"feature": 1, "direction": "raised", "rank": 2}
ALONE = {"feature": 2}

CASES = [
    (remove("feature_logit_effects", FIRST), SECOND | {"expected_rank": 1}),
    (change("feature_logit_effects", SECOND, change=-3.0), SECOND | {"change": -3.0, "size_before": 2.0}),
    *bad_values("feature_logit_effects", ALONE, names=ALONE, change=[-3.0, 0.0, NAN, INFINITY]),
    (change("feature_logit_effects", RAISED, rank=3), RAISED | {"rank": 3}),
    *bad_values("feature_logit_effects", ALONE, names=ALONE, images=[0, 2], class_index=[-1, 10], std_error=[0.1]),
    *bad_values("feature_logit_effects", FIRST, names=FIRST, std_error=[-0.1, NAN, INFINITY, None]),
    (change("feature_logit_effects", ALONE, class_name=" "), ALONE),
    (change("feature_logit_effects", RAISED, class_index=9), FIRST | {"class_index": 9}, RAISED | {"class_index": 9}),
]
