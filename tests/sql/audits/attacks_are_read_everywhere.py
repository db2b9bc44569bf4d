from tests.sql.audit_cases import remove

# every set is scored at the attacked layer, the clean and the whole sets also at a lower layer and in another network
SETS = [("clean", 0, 0.0), ("token-pushing", 8, 1.0), ("token-pushing", 2, 1.0), ("noise", 8, 1.0)]
HALF_SET = ("token-pushing", 8, 0.5)
PLACES = [("net", "blocks.5"), ("net", "blocks.3"), ("other net", "blocks.5")]
SCORED = [(HALF_SET, PLACES[0]), *((each, place) for place in PLACES for each in SETS)]
VALID = {
    "attack_experiments": {"attack_experiment_id": "experiment", "network": "net", "layer": "blocks.5"},
    "attacks": {
        "attack_experiment_id": "experiment",
        "perturbed_set": "concept",
        "attack": [attack for attack, _, _ in (HALF_SET, *SETS)],
        "epsilon": [epsilon for _, epsilon, _ in (HALF_SET, *SETS)],
        "fraction": [fraction for _, _, fraction in (HALF_SET, *SETS)],
    },
    "attack_scores": {
        "attack_experiment_id": "experiment",
        "perturbed_set": "concept",
        "attack": [attack for (attack, _, _), _ in SCORED],
        "epsilon": [epsilon for (_, epsilon, _), _ in SCORED],
        "fraction": [fraction for (_, _, fraction), _ in SCORED],
        "eval_network": [network for _, (network, _) in SCORED],
        "eval_layer": [layer for _, (_, layer) in SCORED],
    },
}
CLEAN, HALF = {"attack": "clean", "epsilon": 0}, {"fraction": 0.5}
WHOLE = {"attack": "token-pushing", "epsilon": 8, "fraction": 1.0}
WEAKER, NOISE = WHOLE | {"epsilon": 2}, WHOLE | {"attack": "noise"}
HERE, LOWER, ELSEWHERE = ({"eval_network": network, "eval_layer": layer} for network, layer in PLACES)

CASES = [
    *(
        (remove("attack_scores", each | place), each | place)
        for each, place in [
            (HALF, HERE),
            (WHOLE, HERE),
            (WHOLE, LOWER),
            (WHOLE, ELSEWHERE),
            (WEAKER, HERE),
            (NOISE, HERE),
            (CLEAN, HERE),
            (CLEAN, ELSEWHERE),
        ]
    ),
    (remove("attack_scores", HERE), *(each | HERE for each in (HALF, WHOLE, WEAKER, NOISE, CLEAN))),
    (remove("attack_scores"), *(each | HERE for each in (HALF, WHOLE, WEAKER, NOISE, CLEAN))),
]
ALSO_VALID = [remove("attack_scores", ELSEWHERE)]
