from tests.sql.audit_cases import remove

VALID = {
    "dictionaries": {"dictionary_id": ["sae", "crosscoder"]},
    "dictionary_metrics": {
        "dictionary_id": ["sae"] * 5 + ["crosscoder"] * 5,
        "metric": ["fvu", "l0", "dead_fraction", "cosine", "rows"] * 2,
    },
}

CASES = [
    (
        remove("dictionary_metrics", {"dictionary_id": "sae", "metric": name}),
        {"dictionary_id": "sae", "missing_metric": name},
    )
    for name in ("fvu", "l0", "dead_fraction", "cosine", "rows")
]
