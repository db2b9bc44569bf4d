from tests.sql.audit_cases import all_of, change, remove

# three stripes, of which the attack of the whole set changes all and that of a part the first
SETS = ["stripes", "part attacked", "attacked"]
VALID = {
    "attack_experiments": {"attack_experiment_id": "experiment", "concept_id": "stripes"},
    "concepts": {"concept_id": SETS, "origin": ["drawn", "attacked", "attacked"], "exemplars": 3},
    "concept_exemplars": {
        "concept_id": [name for name in SETS for _ in range(3)],
        "place": [0, 1, 2] * 3,
        "image_id": ["a", "b", "c", "changed a", "b", "c", "changed a", "changed b", "changed c"],
    },
    "attacks": {
        "attack_experiment_id": "experiment",
        "perturbed_set": ["concept", "concept", "concept", "random"],
        "attack": ["clean", "token-pushing", "token-pushing", "random-set"],
        "epsilon": [0, 8, 8, 8],
        "fraction": [0.0, 0.3, 1.0, 1.0],
        "concept_id": ["stripes", "part attacked", "attacked", "stripes"],
        "images": [3, 3, 3, 9],
        "changed": [0, 1, 3, 9],
    },
}
CLEAN, PART, WHOLE = {"attack": "clean"}, {"fraction": 0.3}, {"perturbed_set": "concept", "fraction": 1.0}
RANDOM_SET = {"perturbed_set": "random"}
ATTACKED = {"concept_id": "attacked"}

CASES = [
    (change("attacks", WHOLE, changed=2), WHOLE | {"changed": 2, "different": 3}),
    (change("attacks", WHOLE, images=4), WHOLE | {"images": 4, "exemplars": 3}),
    (change("attacks", CLEAN, changed=1), CLEAN | {"changed": 1, "different": 0}),
    (change("attacks", WHOLE, concept_id="stripes"), WHOLE | {"concept_id": "stripes", "different": 0}),
    (change("attacks", RANDOM_SET, concept_id="attacked"), RANDOM_SET | ATTACKED | {"different": 3}),
    (change("concepts", ATTACKED, origin="drawn"), WHOLE | {"origin": "drawn"}),
    (change("concepts", ATTACKED, exemplars=4), WHOLE | {"exemplars": 4, "clean_exemplars": 3}),
    (remove("concepts", ATTACKED), WHOLE | {"exemplars": None}),
    (remove("concept_exemplars", ATTACKED), WHOLE | {"changed": 3, "different": None}),
    (remove("concept_exemplars", ATTACKED | {"place": 1}), WHOLE | {"changed": 3, "different": 2}),
    (
        # in another order
        all_of(
            change("concept_exemplars", {"concept_id": "part attacked", "place": 1}, image_id="c"),
            change("concept_exemplars", {"concept_id": "part attacked", "place": 2}, image_id="b"),
        ),
        PART | {"changed": 1, "different": 3},
    ),
    (
        # the images are the clean ones, but the set is not
        all_of(
            change("attacks", PART, changed=0),
            change("concept_exemplars", {"image_id": "changed a"}, image_id="a"),
            change("attacks", WHOLE, changed=2),
        ),
        PART | {"changed": 0, "different": 0},
    ),
]
ALSO_VALID = [change("concepts", ATTACKED, origin="folder")]
