from tests.sql.audit_cases import NAN, change, remove

VALID = {
    "dictionaries": {"dictionary_id": "sae", "channels": 6},
    "feature_neurons": {
        "dictionary_id": "sae",
        "feature": [3, 3, 3, 4],
        "rank": [1, 2, 3, 1],
        "neuron": [5, 0, 2, 5],
        "weight": [-2.0, 1.0, 1.0, 0.5],
        "share": [0.64, 0.16, 0.16, 1.0],
    },
}


def rank(number):
    return {"feature": 3, "rank": number}


CASES = [
    (remove("feature_neurons", rank(2)), rank(3) | {"expected_rank": 2}),
    (
        change("feature_neurons", rank(3), weight=-1.1, share=0.16 * 1.21),
        rank(3) | {"weight": -1.1, "size_before": 1.0},
    ),
    (change("feature_neurons", rank(3), share=0.1), rank(3) | {"share": 0.1}),
    (change("feature_neurons", {"feature": 4}, share=1.1), {"feature": 4, "all_shares": 1.1}),
    (change("feature_neurons", {"feature": 4}, share=0.0), {"feature": 4, "share": 0.0}),
    (change("feature_neurons", {"feature": 4}, share=NAN), {"feature": 4, "share": NAN}),
    *(
        (change("feature_neurons", {"feature": 4}, neuron=neuron), {"feature": 4, "neuron": neuron})
        for neuron in (-1, 6)
    ),
    (change("feature_neurons", rank(2), neuron=5), rank(1) | {"neuron": 5}, rank(2) | {"neuron": 5}),
]
