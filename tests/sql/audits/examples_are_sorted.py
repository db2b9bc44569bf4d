from tests.sql.audit_cases import change, remove

VALID = {
    "features": {"dictionary_id": "sae", "feature": [5, 6], "max_activation": [3.0, 4.0]},
    "feature_examples": {
        "dictionary_id": "sae",
        "feature": [5, 5, 5, 6, 6],
        "rank": [1, 2, 3, 1, 2],
        "activation": [3.0, 2.0, 2.0, 4.0, 1.0],
    },
}


def rank(number):
    return {"feature": 5, "rank": number}


CASES = [
    (change("feature_examples", rank(2), activation=0.1), rank(3) | {"activation": 2.0, "activation_before": 0.1}),
    (change("feature_examples", rank(1), activation=3.1), rank(1) | {"activation": 3.1, "max_activation": 3.0}),
    (change("feature_examples", rank(3), activation=0.0), rank(3) | {"activation": 0.0}),
    (remove("feature_examples", rank(1)), rank(2) | {"expected_rank": 1}, rank(3) | {"expected_rank": 2}),
]
