from tests.sql.audit_cases import change, remove

VALID = {
    "activation_sets": {"activation_set_id": ["set", "older"], "orbits": [5, 9]},
    "activation_set_images": {"activation_set_id": "set", "image_id": ["a", "b"], "orbits": [2, 3]},
}

CASES = [
    (remove("activation_set_images", {"image_id": "a"}), {"activation_set_id": "set", "orbits_in_images": 3}),
    (change("activation_set_images", {"image_id": "b"}, orbits=4), {"activation_set_id": "set", "orbits": 5}),
    (change("activation_sets", {"activation_set_id": "set"}, orbits=6), {"activation_set_id": "set", "orbits": 6}),
    (change("activation_set_images", {"image_id": "a"}, orbits=0), {"activation_set_id": "set", "fewest": 0}),
]

ALSO_VALID = [remove("activation_set_images")]
