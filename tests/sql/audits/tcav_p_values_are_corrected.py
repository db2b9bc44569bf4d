from tests.sql.audit_cases import NAN, bad_values, change, remove

# Holm: 3 * 0.01, then max(0.03, 2 * 0.02), then max(0.04, 1 * 0.5)
VALID = {
    "concept_analyses": {"concept_analysis_id": ["analysis", "other analysis"], "tests": [3, 1]},
    "tcav_tests": {
        "concept_analysis_id": ["analysis"] * 3 + ["other analysis"],
        "concept_id": ["stripes", "zigzags", "dots", "stripes"],
        "layer": "blocks.5",
        "class_index": 340,
        "p_value": [0.01, 0.02, 0.5, 1.0],
        "p_holm": [0.03, 0.04, 0.5, 1.0],
    },
}
ANALYSIS, OTHER = {"concept_analysis_id": "analysis"}, {"concept_analysis_id": "other analysis"}


def concept(name):
    return ANALYSIS | {"concept_id": name}


CASES = [
    (
        change("concept_analyses", ANALYSIS, tests=4),
        *(concept(name) | {"tests": 4, "tests_found": 3} for name in ("stripes", "zigzags", "dots")),
    ),
    (remove("tcav_tests", OTHER), OTHER | {"tests": 1, "tests_found": None}),
    *bad_values(
        "tcav_tests",
        concept("stripes"),
        names=concept("stripes") | {"tests": 3, "expected_p_holm": 0.03},
        p_holm=[0.01, 0.02, 0.031, NAN],
    ),
    *bad_values("tcav_tests", concept("zigzags"), names={"expected_p_holm": 0.04}, p_holm=[0.03, 0.02]),
    (
        change("tcav_tests", concept("stripes"), p_value=-0.1, p_holm=-0.3),
        concept("stripes") | {"p_value": -0.1, "expected_p_holm": -0.3},
    ),
    (
        change("tcav_tests", concept("dots"), p_value=NAN),
        concept("dots") | {"p_value": NAN},
    ),
    (change("tcav_tests", OTHER, p_value=1.5), OTHER | {"p_value": 1.5, "p_holm": 1.0}),
    (change("tcav_tests", OTHER, p_holm=1.5), OTHER | {"p_value": 1.0, "expected_p_holm": 1.0}),
]
