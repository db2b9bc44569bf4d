from tests.sql.audit_cases import change, remove

VALID = {
    "dictionaries": {"dictionary_id": "sae", "features": 3},
    "features": {"dictionary_id": "sae", "feature": [0, 1, 2]},
}

CASES = [
    (change("dictionaries", features=4), {"features": 4, "rows_found": 3}),
    (change("features", {"feature": 0}, feature=3), {"first": 1, "last": 3}),
    (change("features", {"feature": 2}, feature=3), {"first": 0, "last": 3}),
    (remove("features"), {"rows_found": 0}),
]
