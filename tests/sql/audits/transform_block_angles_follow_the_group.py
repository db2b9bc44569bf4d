from tests.sql.audit_cases import bad_values

VALID = {
    "activation_sets": {"activation_set_id": "set", "n_rotations": 8},
    "dictionaries": {"dictionary_id": "crosscoder", "activation_set_id": "set"},
    "transform_blocks": {
        "dictionary_id": "crosscoder",
        "feature": 5,
        "element": [3, 8, 11],
        "rotation_degrees": [135.0, 0.0, 135.0],
        "mirrored": [False, True, True],
    },
}
ROTATION, REFLECTION = {"element": 3}, {"element": 8}

CASES = [
    *bad_values("transform_blocks", ROTATION, names=ROTATION | {"n_rotations": 8}, rotation_degrees=[90.0, 180.0]),
    *bad_values("transform_blocks", ROTATION, names=ROTATION, mirrored=[True]),
    *bad_values("transform_blocks", REFLECTION, names=REFLECTION, rotation_degrees=[360.0], mirrored=[False]),
]
