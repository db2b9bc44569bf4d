from tests.sql.audit_cases import NAN, bad_values, change

VALID = {
    "dictionary_stability": {
        "dictionary_id": "crosscoder",
        "replica_id": ["first", "second"],
        "replica_seed": [1, 2],
        "stability": [0.6, 0.7],
        "stability_random": 0.1,
    }
}
FIRST = {"replica_id": "first"}

CASES = [
    *bad_values("dictionary_stability", FIRST, names=FIRST, stability=[-1.2, 1.2, NAN]),
    *bad_values("dictionary_stability", FIRST, names=FIRST, stability_random=[-1.2, 1.2, NAN]),
    (change("dictionary_stability", FIRST, replica_id="crosscoder"), {"replica_id": "crosscoder", "stability": 0.6}),
]
