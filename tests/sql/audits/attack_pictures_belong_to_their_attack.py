from tests.sql.audit_cases import bad_values, change, remove

VALID = {
    "attacks": {
        "attack_experiment_id": "experiment",
        "perturbed_set": "concept",
        "attack": ["clean", "token-pushing", "token-pushing"],
        "epsilon": [0, 8, 8],
        "fraction": [0.0, 0.5, 1.0],
        "images": 4,
        "changed": [0, 2, 4],
    },
    "attack_pictures": {
        "attack_experiment_id": "experiment",
        "perturbed_set": "concept",
        "attack": "token-pushing",
        "epsilon": 8,
        "place": [0, 3],
    },
}
ATTACK = {"perturbed_set": "concept", "attack": "token-pushing", "epsilon": 8}
LAST = {"place": 3}

CASES = [
    (remove("attack_pictures"), ATTACK | {"place": None, "images": 4}),
    *bad_values("attack_pictures", LAST, names=ATTACK | {"images": 4}, place=[4, -1]),
    *bad_values("attack_pictures", LAST, names=LAST | {"images": None}, attack=["clean"], perturbed_set=["random"]),
    (
        change("attacks", {"epsilon": 8}, changed=0),
        ATTACK | {"place": 0, "images": None},
        ATTACK | {"place": 3, "images": None},
    ),
]
