from tests.sql.audit_cases import NAN, bad_values, change, remove

# two statistics of the clean and of the attacked exemplars; random sets are not evaluated
VALID = {
    "attacks": {
        "attack_experiment_id": "experiment",
        "perturbed_set": ["concept", "concept", "random"],
        "attack": ["clean", "token-pushing", "random-set"],
        "epsilon": [0, 8, 8],
        "fraction": [0.0, 1.0, 1.0],
        "images": [4, 4, 12],
    },
    "attack_features": {
        "attack_experiment_id": "experiment",
        "perturbed_set": "concept",
        "attack": ["clean", "clean", "token-pushing", "token-pushing"],
        "epsilon": [0, 0, 8, 8],
        "fraction": [0.0, 0.0, 1.0, 1.0],
        "dictionary_id": "sae",
        "statistic": ["rare", "fvu", "rare", "fvu"],
        "value": [0.1, 0.2, 0.5, 0.28],
        "random_mean": [0.1, 0.25, 0.1, 0.25],
        "flagged": [0.0, 0.0, 0.75, 1.0],
        "auc": [0.5, 0.5, 0.9, 0.9],
    },
}
CLEAN, PUSHED = {"attack": "clean", "statistic": "rare"}, {"attack": "token-pushing", "statistic": "rare"}

CASES = [
    (remove("attack_features", PUSHED), PUSHED | {"dictionary_id": "sae", "images": 4, "value": None}),
    (
        remove("attack_features", {"attack": "token-pushing"}),
        PUSHED | {"value": None},
        {"attack": "token-pushing", "statistic": "fvu", "value": None},
    ),
    (
        remove("attack_features", {"attack": "clean"}),
        CLEAN | {"value": None},
        {"attack": "clean", "statistic": "fvu", "value": None},
    ),
    (
        change("attack_features", PUSHED, perturbed_set="random"),
        PUSHED | {"perturbed_set": "concept", "value": None},
        PUSHED | {"perturbed_set": "random", "images": None},
    ),
    (
        change("attack_features", PUSHED, random_mean=0.2),
        CLEAN | {"random_mean": 0.1, "different_randoms": 2},
        PUSHED | {"random_mean": 0.2, "different_randoms": 2},
    ),
    *bad_values(
        "attack_features",
        PUSHED,
        names=PUSHED,
        value=[NAN],
        flagged=[1.25, -0.25, 0.4, NAN],
        auc=[1.1, -0.1, NAN],
    ),
    (
        change("attack_features", PUSHED, random_mean=NAN),
        CLEAN | {"different_randoms": 2},
        PUSHED | {"random_mean": NAN, "different_randoms": 2},
    ),
    (
        change("attack_features", {"statistic": "rare"}, random_mean=NAN),
        CLEAN | {"random_mean": NAN, "different_randoms": 1},
        PUSHED | {"random_mean": NAN, "different_randoms": 1},
    ),
    (change("attack_features", CLEAN, auc=0.6), CLEAN | {"auc": 0.6}),
]
