from statistics import stdev

from tests.sql.audit_cases import NAN, all_of, bad_values, change, remove, repeat

# stripes against three random sets, and by chance each random set against the next
VECTORS = ["stripes 0", "stripes 1", "stripes 2", "random 0", "random 1", "random 2"]
SCORES, RANDOM_SCORES = [1.0, 0.8, 1.0], [0.4, 0.6, 0.4]
VALID = {
    "cavs": {
        "cav_id": VECTORS,
        "concept_id": ["stripes", "stripes", "stripes", "random 0", "random 1", "random 2"],
        "random_set_id": ["random 0", "random 1", "random 2", "random 1", "random 2", "random 0"],
        "layer": "blocks.5",
        "accuracy": [1.0, 1.0, 0.7, 0.5, 0.5, 0.5],
    },
    "tcav_scores": {
        "concept_analysis_id": "analysis",
        "cav_id": VECTORS,
        "class_images_id": "zebras",
        "class_index": 340,
        "score": SCORES + RANDOM_SCORES,
        "magnitude": [0.5, 0.4, 0.3, 0.2, 0.3, 0.2],
    },
    "tcav_tests": {
        "concept_analysis_id": "analysis",
        "concept_id": "stripes",
        "layer": "blocks.5",
        "class_images_id": "zebras",
        "class_index": 340,
        "random_sets": 3,
        "score": 2.8 / 3,
        "score_std": stdev(SCORES),
        "magnitude": 0.4,
        "random_score": 1.4 / 3,
        "random_score_std": stdev(RANDOM_SCORES),
        "accuracy": 0.9,
        "agreement": 0.9,
    },
}
TEST = {"concept_analysis_id": "analysis", "concept_id": "stripes", "layer": "blocks.5", "class_index": 340}
OF_STRIPES, OF_RANDOM = {"cav_id": "stripes 0"}, {"cav_id": "random 0"}


def twice(*vectors):
    """The vectors and their scores a second time, with other keys."""
    return [
        repeat(table, {"cav_id": vector}, cav_id=f"{vector} again")
        for vector in vectors
        for table in ("cavs", "tcav_scores")
    ]


CASES = [
    # one vector for each random set, and as many between random sets
    (remove("tcav_scores", OF_STRIPES), TEST | {"random_sets": 3, "vectors": 2}),
    (remove("tcav_scores", OF_RANDOM), TEST | {"random_sets": 3, "vectors": 3, "random_vectors": 2}),
    (remove("tcav_scores"), TEST | {"vectors": None}),
    (remove("tcav_tests"), TEST | {"random_sets": None, "vectors": 3}),
    (
        repeat("tcav_scores", class_index=341),
        {"concept_id": "stripes", "class_index": 341, "random_sets": None, "vectors": 3},
    ),
    (change("cavs", OF_STRIPES, random_set_id="random 1"), TEST | {"vectors": 3, "different_randoms": 2}),
    (change("cavs", OF_RANDOM, layer="blocks.1"), TEST | {"vectors": 3, "random_vectors": 2}),
    (
        all_of(*twice(*VECTORS[:3]), change("tcav_tests", score_std=stdev(SCORES * 2))),
        TEST | {"vectors": 6, "random_vectors": 3, "different_randoms": 3},
    ),
    (
        all_of(*twice(*VECTORS[3:]), change("tcav_tests", random_score_std=stdev(RANDOM_SCORES * 2))),
        TEST | {"vectors": 3, "random_vectors": 6, "different_randoms": 3},
    ),
    (
        all_of(
            *twice(*VECTORS),
            change("tcav_tests", random_sets=6, score_std=stdev(SCORES * 2)),
            change("tcav_tests", random_score_std=stdev(RANDOM_SCORES * 2)),
        ),
        TEST | {"random_sets": 6, "vectors": 6, "random_vectors": 6, "different_randoms": 3},
    ),
    (
        # two random sets against the same third
        change("cavs", OF_RANDOM, random_set_id="random 2"),
        TEST | {"vectors": 3, "random_vectors": 3, "different_randoms": 3},
    ),
    # what the test says of its vectors
    *bad_values(
        "tcav_tests",
        names=TEST,
        random_sets=[4],
        class_images_id=["dots"],
        score=[0.9, 2.8 / 3 + 1e-5, NAN],
        score_std=[0.1, 0.2, NAN],
        magnitude=[0.3, 0.5, NAN],
        accuracy=[0.8, 1.0, NAN],
        random_score=[0.4, 0.5, NAN],
        random_score_std=[0.1, 0.2, NAN],
    ),
    *bad_values("tcav_tests", names=TEST, shown=False, agreement=[1.1, -1.1, NAN]),
    (change("tcav_scores", OF_STRIPES, score=0.8), TEST | {"mean": 2.6 / 3}),
    (change("tcav_scores", OF_STRIPES, magnitude=0.8), TEST | {"mean_magnitude": 0.5}),
    (change("tcav_scores", OF_RANDOM, score=0.8), TEST | {"random_mean": 0.6}),
    (change("cavs", OF_STRIPES, accuracy=0.4), TEST | {"mean_accuracy": 0.7}),
]
