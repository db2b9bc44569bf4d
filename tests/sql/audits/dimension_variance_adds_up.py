from tests.sql.audit_cases import INFINITY, NAN, bad_values, change

VALID = {
    "tuning_dimensions": {
        "dimension_analysis_id": ["pca", "pca", "ica"],
        "dimension": [0, 1, 0],
        "explained_variance": [0.4, 0.2, -0.001],
        "cumulative_variance": [0.4, 0.6, -0.001],
        "low": -2.0,
        "high": 2.0,
    },
}
SECOND = {"dimension_analysis_id": "pca", "dimension": 1}

CASES = [
    *bad_values(
        "tuning_dimensions",
        SECOND,
        names=SECOND,
        explained_variance=[0.20001, NAN],
        cumulative_variance=[0.59999, NAN],
        low=[3.0, NAN],
        high=[INFINITY],
    ),
    (
        change("tuning_dimensions", SECOND, explained_variance=0.8, cumulative_variance=1.2),
        SECOND | {"explained_so_far": 1.2},
    ),
    (
        change("tuning_dimensions", {"dimension_analysis_id": "ica"}, explained_variance=1.2, cumulative_variance=1.2),
        {"dimension_analysis_id": "ica", "explained_so_far": 1.2},
    ),
]
