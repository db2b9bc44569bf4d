from tests.sql.audit_cases import NAN, change, repeat

VALID = {
    "activation_histograms": {
        "dictionary_id": "sae",
        "feature": 3,
        "bin": [0, 4, 5],
        "lower": [1.0, 2.0, 2**1.25],
        "upper": [2**0.25, 2**1.25, 2**1.5],
        "rows": [5, 4, 1],
    },
    "quantile_examples": {
        "dictionary_id": "sae",
        "feature": 3,
        "quantile": [0.5, 0.7, 0.95],
        "activation": [1.0, 2.3, 2.5],
    },
}


def at(quantile):
    return {"feature": 3, "quantile": quantile}


CASES = [
    (change("quantile_examples", at(0.5), activation=2**0.25), at(0.5) | {"lower": None}),
    (change("quantile_examples", at(0.7), activation=1.1), at(0.5), at(0.7) | {"lower": 1.0, "through": 5}),
    (change("quantile_examples", at(0.7), activation=NAN), at(0.7) | {"lower": None}),
    (change("quantile_examples", at(0.5), quantile=0.51), at(0.51) | {"through": 5, "total": 10}),
    (change("quantile_examples", at(0.95), quantile=0.85), at(0.85)),
    (repeat("quantile_examples", at(0.7), quantile=0.8), at(0.7), at(0.8)),
    (change("activation_histograms", {"bin": 4}, rows=1), at(0.7) | {"through": 6, "total": 7}),
]
