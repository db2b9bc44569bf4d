from tests.sql.audit_cases import change, remove

VALID = {
    "features": {"dictionary_id": "crosscoder", "feature": [14, 15, 18], "dead": [False, False, True]},
    "family_analyses": {"family_analysis_id": "families", "dictionary_id": "crosscoder", "live_features": 2},
    "feature_families": {"family_analysis_id": "families", "feature": [14, 15]},
}
ANALYSIS = {"family_analysis_id": "families", "live_features": 2}

CASES = [
    (remove("feature_families", {"feature": 14}), ANALYSIS | {"live_feature": 14, "feature_found": None}),
    (
        remove("feature_families"),
        ANALYSIS | {"live_feature": 14, "feature_found": None},
        ANALYSIS | {"live_feature": 15, "feature_found": None},
    ),
    (
        change("feature_families", {"feature": 14}, feature=18),
        ANALYSIS | {"live_feature": None, "feature_found": 18},
        ANALYSIS | {"live_feature": 14, "feature_found": None},
    ),
    (change("feature_families", {"feature": 14}, feature=15), ANALYSIS | {"live_feature": 14, "feature_found": None}),
    (
        change("family_analyses", live_features=1),
        {"live_features": 1, "live_feature": 14},
        {"live_features": 1, "live_feature": 15},
    ),
]
