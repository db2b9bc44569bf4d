from tests.sql.audit_cases import NAN, bad_values, change, remove

VALID = {
    "concept_analyses": {"concept_analysis_id": "analysis", "network": "net"},
    "cavs": {
        "cav_id": ["of stripes", "of random 0"],
        "concept_id": ["stripes", "random 0"],
        "random_set_id": ["random 0", "random 1"],
        "network": "net",
        "accuracy": [1.0, 0.5],
    },
    "tcav_scores": {"concept_analysis_id": "analysis", "cav_id": ["of stripes", "of random 0"]},
}
OF_STRIPES, OF_RANDOM = {"cav_id": "of stripes"}, {"cav_id": "of random 0"}

CASES = [
    *bad_values(
        "cavs",
        OF_STRIPES,
        names=OF_STRIPES | {"analysis_network": "net"},
        network=["other net"],
        concept_id=["random 0"],
        accuracy=[1.1, NAN],
    ),
    *bad_values("cavs", OF_RANDOM, names=OF_RANDOM, accuracy=[-0.1]),
    (remove("tcav_scores", OF_STRIPES), OF_STRIPES | {"concept_analysis_id": None, "analysis_network": None}),
    (change("concept_analyses", network="other net"), OF_STRIPES, OF_RANDOM | {"analysis_network": "other net"}),
]
