from tests.sql.audit_cases import NAN, change, remove

VALID = {
    "features": {"dictionary_id": "sae", "feature": [5, 6, 8, 9]},
    "feature_neighbours": {
        "dictionary_id": "sae",
        "feature": [5, 5, 5, 6],
        "rank": [1, 2, 3, 1],
        "neighbour": [9, 6, 8, 9],
        "similarity": [0.8, 0.8, -0.1, 0.95],
    },
}


def rank(number):
    return {"feature": 5, "rank": number}


CASES = [
    (change("feature_neighbours", rank(1), neighbour=5), rank(1) | {"neighbour": 5}),
    (change("feature_neighbours", rank(1), neighbour=99), rank(1) | {"neighbour": 99}),
    (change("feature_neighbours", rank(1), similarity=1.5), rank(1) | {"similarity": 1.5}),
    (change("feature_neighbours", rank(3), similarity=-1.5), rank(3) | {"similarity": -1.5}),
    (change("feature_neighbours", rank(1), similarity=0.7), rank(2) | {"similarity_before": 0.7}),
    (change("feature_neighbours", rank(1), similarity=NAN), rank(1) | {"similarity": NAN}),
    (remove("feature_neighbours", rank(2)), rank(3) | {"expected_rank": 2}),
]
