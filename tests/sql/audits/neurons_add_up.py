from tests.sql.audit_cases import NAN, bad_values

VALID = {
    "neurons": {
        "dictionary_id": "sae",
        "neuron": [4, 5],
        "max_activation": [10.0, 0.0],
        "density": [0.2, 0.0],
        "top_rows": [20, 0],
        "explained": [0.7, None],
        "carried": [0.9, None],
        "suppressed": [0.1, None],
        "bias": [0.1, None],
    },
}
MIXED, SILENT = {"neuron": 4}, {"neuron": 5}

CASES = [
    *bad_values(
        "neurons",
        MIXED,
        names=MIXED,
        max_activation=[NAN, 0.0],
        density=[0.0, 1.1, -0.1],
        top_rows=[201, 0, -1],
        explained=[None, 1.1, 0.95],
        carried=[None, -0.1],
        suppressed=[None, -0.1],
        bias=[None, 0.9, -0.9],
    ),
    *bad_values("neurons", SILENT, names=SILENT, max_activation=[1.0], density=[0.1], top_rows=[1]),
]
