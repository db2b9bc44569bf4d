from tests.sql.audit_cases import NAN, bad_values, change, remove

# three random sets and five images of the class, so scores are multiples of 1/15
VALID = {
    "networks": {"network": ["net", "other net"], "classes": [1000, 10]},
    "concepts": {"concept_id": "zebras", "exemplars": 5},
    "attack_experiments": {"attack_experiment_id": "experiment", "class_images_id": "zebras", "random_sets": 3},
    "attack_scores": {
        "attack_experiment_id": "experiment",
        "perturbed_set": ["concept", "concept", "random", "concept"],
        "attack": ["clean", "token-pushing", "random-set", "clean"],
        "epsilon": [0, 8, 8, 0],
        "eval_network": ["net", "net", "net", "other net"],
        "eval_layer": ["blocks.5", "blocks.5", "blocks.5", "mixed4d"],
        "class_index": [340, 340, 340, 7],
        "score": [14 / 15, 5 / 15, 8 / 15, 14 / 15],
        "score_std": 0.1,
        "magnitude": [0.5, 0.2, 0.3, 0.5],
        "random_score": [7 / 15, 7 / 15, 8 / 15, 7 / 15],
        "random_score_std": [0.12, 0.12, 0.2, 0.12],
        "accuracy": 1.0,
        "cosine": [1.0, 0.1, 0.95, 1.0],
    },
}
CLEAN, PUSHED = {"eval_network": "net", "attack": "clean"}, {"attack": "token-pushing"}
RANDOM_SET = {"attack": "random-set"}
ELSEWHERE = {"eval_network": "other net"}

CASES = [
    *bad_values(
        "attack_scores",
        PUSHED,
        names=PUSHED | {"clean_random_score": 7 / 15, "class_images": 5},
        class_index=[1000, -1, 341],
        score=[1.2, -0.2, 0.3, NAN],
        score_std=[-0.1, 0.6, NAN],
        magnitude=[1.1, -0.1, NAN],
        random_score=[0.5, 0.4, NAN],
        random_score_std=[0.1, -0.1, NAN],
        accuracy=[1.1, -0.1, NAN],
        cosine=[1.1, -1.1, NAN],
    ),
    *bad_values(
        "attack_scores",
        RANDOM_SET,
        names=RANDOM_SET | {"answers": 15},
        random_score=[1.2, -0.2, 0.3],
        random_score_std=[0.7, -0.1],
    ),
    *bad_values("attack_scores", ELSEWHERE, names=ELSEWHERE | {"classes": 10}, class_index=[10]),
    (
        change("attack_scores", CLEAN, cosine=0.99),
        CLEAN | {"cosine": 0.99},
    ),
    (
        change("concepts", exemplars=4),
        *(each | {"class_images": 4} for each in (CLEAN, PUSHED, RANDOM_SET, ELSEWHERE)),
    ),
    (remove("concepts"), *(each | {"class_images": None} for each in (CLEAN, PUSHED, RANDOM_SET, ELSEWHERE))),
    (
        change("attack_experiments", random_sets=2),
        *(each | {"random_sets": 2, "answers": 10} for each in (CLEAN, PUSHED, RANDOM_SET, ELSEWHERE)),
    ),
]
