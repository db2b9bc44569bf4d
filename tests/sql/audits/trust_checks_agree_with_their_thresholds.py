from tests.sql.audit_cases import NAN, bad_values, change, remove

CHECKS = ["CAV shift after JPEG", "split-half disagreement", "colour grain"]
VALID = {
    "trust_analyses": {"trust_analysis_id": "trust"},
    "trust_checks": {
        "trust_analysis_id": "trust",
        "concept_id": ["stripes"] * 3 + ["dots"] * 3,
        "check_name": CHECKS * 2,
        "value": [0.01, 0.1, 0.34, 0.3, 0.31, 0.1],
        "threshold": [0.052, 0.3, 0.34] * 2,
        "passed": [True, True, True, False, False, True],
    },
}
SPLIT_HALF = {"concept_id": "stripes", "check_name": "split-half disagreement"}
OF_DOTS = {"concept_id": "dots", "check_name": "split-half disagreement"}

CASES = [
    *bad_values("trust_checks", SPLIT_HALF, names=SPLIT_HALF, passed=[False], value=[0.31, NAN]),
    (
        change("trust_checks", {"check_name": "split-half disagreement"}, threshold=0.05),
        SPLIT_HALF | {"threshold": 0.05, "thresholds": 1},
    ),
    (change("trust_checks", SPLIT_HALF, threshold=0.29), SPLIT_HALF | {"thresholds": 2}, OF_DOTS | {"thresholds": 2}),
    (change("trust_checks", SPLIT_HALF, check_name="smells"), {"concept_id": "stripes", "check_name": "smells"}),
    (
        remove("trust_checks", SPLIT_HALF),
        *({"concept_id": "stripes", "check_name": name, "checks": 2} for name in (CHECKS[0], CHECKS[2])),
    ),
    (remove("trust_checks"), {"trust_analysis_id": "trust", "concept_id": None}),
    (
        change("trust_checks", {"check_name": "colour grain"}, threshold=NAN),
        *({"concept_id": name, "check_name": "colour grain", "threshold": NAN} for name in ("stripes", "dots")),
    ),
]
