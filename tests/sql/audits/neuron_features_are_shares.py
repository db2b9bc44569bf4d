from tests.sql.audit_cases import NAN, change, remove

VALID = {
    "neurons": {"dictionary_id": "sae", "neuron": [4, 5, 6], "top_rows": [20, 20, 0], "carried": [0.9, 0.0, None]},
    "neuron_features": {
        "dictionary_id": "sae",
        "neuron": 4,
        "rank": [1, 2],
        "feature": [4, 5],
        "share": [0.6, 0.3],
        "rows_carried": [12, 6],
    },
}
NEURON = {"dictionary_id": "sae", "neuron": 4}
FIRST, SECOND = {"rank": 1}, {"rank": 2}

CASES = [
    (change("neuron_features", FIRST, share=0.1), NEURON | SECOND | {"share_before": 0.1}),
    (
        change("neuron_features", FIRST, share=0.9),
        NEURON | FIRST | {"share": 0.9, "all_shares": 1.2},
        NEURON | SECOND | {"share": 0.3, "all_shares": 1.2},
    ),
    (change("neuron_features", SECOND, share=0.0), NEURON | SECOND | {"share": 0.0}),
    (change("neuron_features", SECOND, share=NAN), NEURON | FIRST, NEURON | SECOND | {"share": NAN}),
    (change("neuron_features", SECOND, rows_carried=-1), NEURON | SECOND | {"rank": 2}),
    (
        change("neuron_features", SECOND, rows_carried=9),
        NEURON | FIRST | {"all_rows": 21, "top_rows": 20},
        NEURON | SECOND | {"all_rows": 21, "top_rows": 20},
    ),
    (
        change("neuron_features", SECOND, feature=4),
        NEURON | FIRST | {"feature": 4},
        NEURON | SECOND | {"feature": 4},
    ),
    (remove("neuron_features", FIRST), NEURON | SECOND | {"expected_rank": 1}),
    (remove("neuron_features"), NEURON | {"rank": None}),
    (change("neurons", {"neuron": 4}, carried=0.0), NEURON | FIRST, NEURON | SECOND),
    (change("neurons", {"neuron": 5}, carried=0.5), {"neuron": 5, "rank": None}),
]
