from tests.sql.audit_cases import bad_values

VALID = {
    "activation_sets": {
        "activation_set_id": ["set", "scales"],
        "transformations": ["rotations", "scale"],
        "n_rotations": [8, 1],
        "scales_per_octave": [None, 2],
        "group_order": [16, 5],
    },
    "dictionaries": {"dictionary_id": ["crosscoder", "of scales"], "activation_set_id": ["set", "scales"]},
    "transform_blocks": {
        "dictionary_id": ["crosscoder"] * 3 + ["of scales"] * 3,
        "feature": 5,
        "element": [3, 8, 11, 0, 2, 4],
        "rotation_degrees": [135.0, 0.0, 135.0, 0.0, 0.0, 0.0],
        "mirrored": [False, True, True, False, False, False],
        "octaves": [None, None, None, 0.0, 1.0, -0.5],
    },
}
ROTATION, REFLECTION, LARGER, SMALLER = {"element": 3}, {"element": 8}, {"element": 2}, {"element": 4}

CASES = [
    *bad_values("transform_blocks", ROTATION, names=ROTATION | {"n_rotations": 8}, rotation_degrees=[90.0, 180.0]),
    *bad_values("transform_blocks", ROTATION, names=ROTATION, mirrored=[True], octaves=[0.0]),
    *bad_values("transform_blocks", LARGER, names=LARGER, octaves=[None, 0.5, -1.0], mirrored=[True]),
    *bad_values("transform_blocks", SMALLER, names=SMALLER, octaves=[0.5, 2.0], rotation_degrees=[90.0]),
    *bad_values("transform_blocks", REFLECTION, names=REFLECTION, rotation_degrees=[360.0], mirrored=[False]),
]
