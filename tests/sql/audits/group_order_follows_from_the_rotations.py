from tests.sql.audit_cases import bad_values, change

VALID = {
    "activation_sets": {
        "activation_set_id": ["set", "hue", "scale"],
        "transformations": ["rotations", "hue", "scale"],
        "n_rotations": [8, 12, 1],
        "reflections": [True, False, False],
        "octaves": [None, None, 1.5],
        "scales_per_octave": [None, None, 4],
        "group_order": [16, 12, 13],
    },
}
SET, HUE, SCALE = ({"activation_set_id": name} for name in ("set", "hue", "scale"))

CASES = [
    (change("activation_sets", SET, n_rotations=16), {"n_rotations": 16, "group_order": 16}),
    (change("activation_sets", SET, reflections=False), {"reflections": False, "group_order": 16}),
    (change("activation_sets", SET, n_rotations=0, group_order=0), {"n_rotations": 0}),
    (change("activation_sets", SET, transformations="turns"), {"transformations": "turns"}),
    *bad_values("activation_sets", HUE, names=HUE, octaves=[1.0], scales_per_octave=[4], group_order=[24]),
    *bad_values("activation_sets", SCALE, names=SCALE, octaves=[None, 1.0], scales_per_octave=[None, 2]),
    *bad_values("activation_sets", SCALE, names=SCALE, n_rotations=[2], reflections=[True], group_order=[12, 1]),
]
