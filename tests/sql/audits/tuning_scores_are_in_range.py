from tests.sql.audit_cases import NAN, bad_values, change

VALID = {
    "tuning_scores": {
        "dimension_analysis_id": ["pca"] * 6 + ["ica"],
        "dimension": [0, 1, 0, 1, 0, 1, 9],
        "parameter": ["frequency"] * 2 + ["orientation"] * 2 + ["phase"] * 2 + ["frequency"],
        "r_squared": [0.03, 0.9, 0.9, 0.03, 0.02, 0.01, 0.1],
        "null_r_squared": [0.06, 0.06, 0.05, 0.05, 0.04, 0.04, 0.01],
        "p_value": [0.8, 0.001, 0.001, 0.8, 0.8, 0.8, 0.9],
        "preferred": [None, None, 0.0, 30.0, 180.0, 359.0, None],
    },
}
FOLLOWED, OTHER = {"dimension": 1, "parameter": "frequency"}, {"dimension": 0, "parameter": "frequency"}
PCA_FREQUENCY = {"dimension_analysis_id": "pca", "parameter": "frequency"}
BESIDE = {"dimension": 1, "parameter": "orientation"}

CASES = [
    *bad_values("tuning_scores", FOLLOWED, names=FOLLOWED, r_squared=[1.1], p_value=[0.0], preferred=[0.0]),
    *bad_values("tuning_scores", FOLLOWED, names=FOLLOWED | {"least_null": 0.06}, null_r_squared=[0.07, NAN]),
    *bad_values("tuning_scores", OTHER, names=OTHER, r_squared=[-0.1], p_value=[1.1, NAN]),
    *bad_values("tuning_scores", BESIDE, names=BESIDE | {"period": 180}, preferred=[None, 180.0, -1.0, NAN]),
    (change("tuning_scores", {"parameter": "phase"}, preferred=360.0), {"period": 360}, {"preferred": 360.0}),
    (change("tuning_scores", FOLLOWED, p_value=0.9), OTHER | {"p_value": 0.8, "p_value_of_closer": 0.9}),
    (change("tuning_scores", OTHER, r_squared=NAN), OTHER | {"r_squared": NAN}, FOLLOWED | {"p_value_of_closer": 0.8}),
    (
        change("tuning_scores", PCA_FREQUENCY, null_r_squared=-0.1),
        FOLLOWED | {"null_r_squared": -0.1},
        OTHER | {"null_r_squared": -0.1},
    ),
    (
        change("tuning_scores", PCA_FREQUENCY, null_r_squared=1.1),
        FOLLOWED | {"null_r_squared": 1.1},
        OTHER | {"null_r_squared": 1.1},
    ),
    (change("tuning_scores", FOLLOWED, parameter="beauty"), {"dimension": 1, "parameter": "beauty"}),
]
