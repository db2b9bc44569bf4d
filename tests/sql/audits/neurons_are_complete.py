from tests.sql.audit_cases import change, remove

VALID = {
    "dictionaries": {"dictionary_id": ["sae", "sae without decomposed neurons"], "channels": 3},
    "neurons": {"dictionary_id": "sae", "neuron": [0, 1, 2]},
}

CASES = [
    (remove("neurons", {"neuron": 1}), {"dictionary_id": "sae", "channels": 3, "rows_found": 2}),
    (change("neurons", {"neuron": 1}, neuron=3), {"dictionary_id": "sae", "first": 0, "last": 3}),
    (change("neurons", {"neuron": 0}, neuron=1), {"dictionary_id": "sae", "first": 1, "last": 2}),
]
