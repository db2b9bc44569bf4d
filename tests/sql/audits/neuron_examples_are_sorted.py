from tests.sql.audit_cases import change, remove

VALID = {
    "neurons": {"dictionary_id": "sae", "neuron": [4, 9], "max_activation": [10.0, 1.0]},
    "neuron_features": {
        "dictionary_id": "sae",
        "neuron": [4, 4, 9],
        "feature": [4, 5, 5],
        "rows_carried": [2, 3, 1],
    },
    "neuron_examples": {
        "dictionary_id": "sae",
        "neuron": 4,
        "feature": [4, 4, 5, 5, 5],
        "rank": [1, 2, 1, 2, 3],
        "activation": [10.0, 7.0, 8.0, 7.0, 7.0],
    },
}
SPLIT = {"neuron": 4, "feature": 5}


def rank(number):
    return SPLIT | {"rank": number}


CASES = [
    (change("neuron_examples", rank(2), activation=0.5), rank(3) | {"activation": 7.0, "activation_before": 0.5}),
    (change("neuron_examples", rank(1), activation=11.0), rank(1) | {"activation": 11.0, "max_activation": 10.0}),
    (change("neuron_examples", rank(3), activation=0.0), rank(3) | {"activation": 0.0}),
    (remove("neuron_examples", rank(1)), rank(2) | {"expected_rank": 1}, rank(3) | {"expected_rank": 2}),
    (change("neuron_features", SPLIT, rows_carried=2), rank(3) | {"rows_carried": 2}),
    (
        remove("neuron_features", SPLIT),
        *(rank(number) | {"rows_carried": None} for number in (1, 2, 3)),
    ),
]
