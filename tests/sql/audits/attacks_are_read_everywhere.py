from tests.sql.audit_cases import remove

# every set is scored at the attacked layer, the clean and the whole one also in another network
VALID = {
    "attack_experiments": {"attack_experiment_id": "experiment", "network": "net", "layer": "blocks.5"},
    "attacks": {
        "attack_experiment_id": "experiment",
        "perturbed_set": "concept",
        "attack": ["clean", "token-pushing", "token-pushing"],
        "epsilon": [0, 8, 8],
        "fraction": [0.0, 0.5, 1.0],
    },
    "attack_scores": {
        "attack_experiment_id": "experiment",
        "perturbed_set": "concept",
        "attack": ["clean", "token-pushing", "token-pushing", "clean", "token-pushing"],
        "epsilon": [0, 8, 8, 0, 8],
        "fraction": [0.0, 0.5, 1.0, 0.0, 1.0],
        "eval_network": ["net", "net", "net", "other net", "other net"],
        "eval_layer": ["blocks.5", "blocks.5", "blocks.5", "mixed4d", "mixed4d"],
    },
}
HERE = {"eval_network": "net", "eval_layer": "blocks.5"}
ELSEWHERE = {"eval_network": "other net", "eval_layer": "mixed4d"}
CLEAN, HALF, WHOLE = {"fraction": 0.0}, {"fraction": 0.5}, {"fraction": 1.0}

CASES = [
    (remove("attack_scores", WHOLE | HERE), WHOLE | HERE | {"attack": "token-pushing", "epsilon": 8}),
    (remove("attack_scores", HALF), HALF | HERE),
    (remove("attack_scores", CLEAN | HERE), CLEAN | HERE | {"attack": "clean"}),
    (remove("attack_scores", WHOLE | ELSEWHERE), WHOLE | ELSEWHERE),
    (remove("attack_scores", CLEAN | ELSEWHERE), CLEAN | ELSEWHERE),
    (remove("attack_scores", HERE), CLEAN | HERE, HALF | HERE, WHOLE | HERE),
    (remove("attack_scores"), CLEAN | HERE, HALF | HERE, WHOLE | HERE),
]
ALSO_VALID = [remove("attack_scores", ELSEWHERE)]
