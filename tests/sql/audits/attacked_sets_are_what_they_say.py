from tests.sql.audit_cases import all_of, change, remove

# three stripes, of which one attack changes all and others one or two
SETS = ["stripes", "one attacked", "two attacked", "attacked"]
VALID = {
    "attack_experiments": {"attack_experiment_id": "experiment", "concept_id": "stripes"},
    "concepts": {"concept_id": SETS, "origin": ["drawn", "attacked", "attacked", "attacked"], "exemplars": 3},
    "concept_exemplars": {
        "concept_id": [name for name in SETS for _ in range(3)],
        "place": [0, 1, 2] * 4,
        "image_id": [
            *("a", "b", "c"),
            *("changed a", "b", "c"),
            *("changed a", "changed b", "c"),
            *("changed a", "changed b", "changed c"),
        ],
    },
    "attacks": {
        "attack_experiment_id": "experiment",
        "perturbed_set": ["concept"] * 5 + ["random"],
        "attack": ["clean", "token-pushing", "token-pushing", "noise", "token-pushing", "random-set"],
        "epsilon": [0, 8, 8, 8, 2, 8],
        "fraction": [0.0, 0.5, 1.0, 0.5, 0.5, 1.0],
        "concept_id": ["stripes", "one attacked", "attacked", "two attacked", "two attacked", "stripes"],
        "images": [3, 3, 3, 3, 3, 9],
        "changed": [0, 1, 3, 2, 2, 9],
    },
}
CLEAN, WHOLE = {"attack": "clean"}, {"perturbed_set": "concept", "fraction": 1.0}
ONE = {"attack": "token-pushing", "epsilon": 8, "fraction": 0.5}
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
            change("concept_exemplars", {"concept_id": "one attacked", "place": 1}, image_id="c"),
            change("concept_exemplars", {"concept_id": "one attacked", "place": 2}, image_id="b"),
        ),
        ONE | {"changed": 1, "different": 3},
    ),
    (
        # the images are the clean ones, but the set is not
        all_of(
            change("attacks", ONE, changed=0),
            change("concept_exemplars", {"concept_id": "one attacked", "place": 0}, image_id="a"),
        ),
        ONE | {"changed": 0, "different": 0},
    ),
]
ALSO_VALID = [change("concepts", ATTACKED, origin="folder")]
