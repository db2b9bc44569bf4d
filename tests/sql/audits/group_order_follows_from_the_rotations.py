from tests.sql.audit_cases import change

VALID = {
    "activation_sets": {"activation_set_id": "set", "n_rotations": 8, "reflections": True, "group_order": 16},
}

CASES = [
    (change("activation_sets", n_rotations=16), {"n_rotations": 16, "group_order": 16}),
    (change("activation_sets", reflections=False), {"reflections": False, "group_order": 16}),
    (change("activation_sets", n_rotations=0, group_order=0), {"n_rotations": 0}),
]
