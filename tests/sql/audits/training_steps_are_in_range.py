from tests.sql.audit_cases import NAN, bad_values

VALID = {
    "dictionaries": {"dictionary_id": ["sae", "crosscoder"], "steps": [300, 600]},
    "training_steps": {
        "dictionary_id": ["sae", "crosscoder"],
        "step": [50, 599],
        "metric": "loss",
        "value": [0.7, 0.2],
    },
}
SAE = {"dictionary_id": "sae"}

CASES = bad_values("training_steps", SAE, names=SAE | {"steps": 300}, step=[301, -1], value=[NAN])
