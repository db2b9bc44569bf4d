from tests.sql.audit_cases import change

VALID = {
    "activation_sets": {"activation_set_id": "set"},
    "quarantine": {"activation_set_id": "set", "name": "broken.jpg", "reason": "image file is truncated"},
}

CASES = [
    (change("quarantine", activation_set_id="other set"), {"activation_set_id": "other set", "name": "broken.jpg"}),
]
