from tests.sql.audit_cases import change, remove, repeat

VALID = {
    "attack_experiments": {"attack_experiment_id": "experiment"},
    "attacks": {
        "attack_experiment_id": "experiment",
        "perturbed_set": ["concept"] * 4 + ["random"] * 3,
        "attack": [
            *("clean", "noise", "random-direction", "token-pushing"),
            *("noise", "random-direction", "random-set"),
        ],
        "epsilon": [0, 8, 8, 8, 8, 8, 8],
        "fraction": [0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    },
}
EXPERIMENT, CLEAN = {"attack_experiment_id": "experiment"}, {"attack": "clean"}


def control(name, perturbed_set="concept"):
    return {"perturbed_set": perturbed_set, "attack": name}


NOISE = control("noise")

CASES = [
    (remove("attacks", NOISE), NOISE | {"epsilon": 8, "fraction": 1.0}),
    (remove("attacks", control("noise", "random")), control("noise", "random") | {"epsilon": 8}),
    (remove("attacks", control("random-direction")), control("random-direction") | {"epsilon": 8}),
    (change("attacks", NOISE, epsilon=4), NOISE | {"epsilon": 8}),
    (change("attacks", NOISE, fraction=0.9), NOISE | {"fraction": 1.0}),
    (remove("attacks", CLEAN), EXPERIMENT | {"clean": 0, "attacks": 2}),
    (repeat("attacks", CLEAN), EXPERIMENT | {"clean": 2, "attacks": 2}),
    (remove("attacks"), EXPERIMENT | {"clean": 0, "attacks": 0}),
    (change("attacks", {"epsilon": 8}, attack="noise"), EXPERIMENT | {"clean": 1, "attacks": 0}),
    (change("attacks", {"epsilon": 8}, attack="random-direction"), EXPERIMENT | {"clean": 1, "attacks": 0}),
]
