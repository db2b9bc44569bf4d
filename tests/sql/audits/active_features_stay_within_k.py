from tests.sql.audit_cases import change

VALID = {
    "dictionaries": {"dictionary_id": ["sae", "relu sae"], "method": ["topk", "relu"], "k": [2, None]},
    "dictionary_metrics": {"dictionary_id": "sae", "metric": ["l0", "rows"], "value": [1.9, 320.0]},
    "features": {
        "dictionary_id": ["sae", "sae", "sae", "relu sae"],
        "feature": [0, 1, 2, 0],
        "density": [0.9, 0.6, 0.4, 0.7],
    },
}

CASES = [
    (change("dictionary_metrics", {"metric": "l0"}, value=2.01), {"dictionary_id": "sae", "k": 2, "l0": 2.01}),
    (change("features", {"feature": 2}, density=0.6), {"dictionary_id": "sae", "k": 2, "sum_of_densities": 2.1}),
]
ALSO_VALID = [change("features", {"dictionary_id": "relu sae"}, density=30.0)]
