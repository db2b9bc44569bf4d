from tests.sql.audit_cases import change

# of two stripes the smaller fraction changes the first, the larger both
VALID = {
    "attack_experiments": {"attack_experiment_id": "experiment", "concept_id": "stripes"},
    "concept_exemplars": {
        "concept_id": ["stripes", "stripes", "half", "half", "whole", "whole"],
        "place": [0, 1] * 3,
        "image_id": ["a", "b", "changed a", "b", "changed a", "changed b"],
    },
    "attacks": {
        "attack_experiment_id": "experiment",
        "perturbed_set": "concept",
        "attack": "token-pushing",
        "epsilon": 8,
        "fraction": [0.5, 1.0],
        "concept_id": ["half", "whole"],
        "artifact_folder": "folder",
        "images": 2,
        "changed": [1, 2],
        "largest_change": 8,
    },
}
HALF, WHOLE = {"fraction": 0.5}, {"fraction": 1.0}
PAIR = {"fraction": 0.5, "larger": 1.0}

CASES = [
    (change("concept_exemplars", {"concept_id": "half", "place": 0}, image_id="other"), PAIR | {"strays": 1}),
    (change("concept_exemplars", {"concept_id": "whole", "place": 0}, image_id="other"), PAIR | {"strays": 1}),
    (change("attacks", HALF, images=3), PAIR),
    (change("attacks", WHOLE, changed=0), PAIR | {"changed": 1, "larger_changed": 0}),
    (change("attacks", WHOLE, largest_change=7), PAIR | {"largest_change": 8, "larger_largest_change": 7}),
    (change("attacks", HALF, artifact_folder="other folder"), PAIR),
    (change("attacks", HALF, artifact_folder=None), PAIR),
]
ALSO_VALID = [change("attacks", HALF, epsilon=2, largest_change=9, images=3, artifact_folder="other folder")]
