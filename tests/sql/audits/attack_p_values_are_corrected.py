from tests.sql.audit_cases import NAN, bad_values, change, remove

# Holm: 3 * 0.01, then max(0.03, 2 * 0.02), then max(0.04, 1 * 0.5)
VALID = {
    "attack_experiments": {"attack_experiment_id": ["experiment", "other experiment"], "tests": [3, 1]},
    "attack_scores": {
        "attack_experiment_id": ["experiment"] * 3 + ["other experiment"],
        "perturbed_set": "concept",
        "attack": ["clean", "noise", "token-pushing", "clean"],
        "eval_network": "net",
        "eval_layer": "blocks.5",
        "p_value": [0.01, 0.02, 0.5, 1.0],
        "p_holm": [0.03, 0.04, 0.5, 1.0],
    },
}
EXPERIMENT, OTHER = {"attack_experiment_id": "experiment"}, {"attack_experiment_id": "other experiment"}
CLEAN, NOISE, PUSHED = EXPERIMENT | {"attack": "clean"}, {"attack": "noise"}, {"attack": "token-pushing"}

CASES = [
    (
        change("attack_experiments", EXPERIMENT, tests=4),
        *(each | {"tests": 4, "tests_found": 3} for each in (CLEAN, NOISE, PUSHED)),
    ),
    (remove("attack_scores", OTHER), OTHER | {"tests": 1, "tests_found": None}),
    *bad_values("attack_scores", NOISE, names=NOISE | {"expected_p_holm": 0.04}, p_holm=[0.02, 0.03, 0.06, 1.5, NAN]),
    *bad_values("attack_scores", OTHER, names=OTHER, p_value=[1.5], p_holm=[1.5]),
    *bad_values("attack_scores", PUSHED, names=PUSHED, p_value=[NAN]),
    (
        change("attack_scores", CLEAN, p_value=-0.1, p_holm=-0.3),
        CLEAN | {"p_value": -0.1, "expected_p_holm": -0.3},
    ),
]
