from tests.sql.audit_cases import NAN, change, remove

VALID = {
    "dimension_analyses": {"dimension_analysis_id": ["pca", "ica"], "components": [3, 1], "units": [2, 1]},
    "tuning_dimensions": {
        "dimension_analysis_id": ["pca", "pca", "pca", "ica"],
        "dimension": [0, 1, 2, 0],
        "direction": [[1.0, 0.0], [0.0, 1.0], [0.6, 0.8], [1.0]],
    },
}
PCA = {"dimension_analysis_id": "pca"}

CASES = [
    (change("dimension_analyses", PCA, components=4), PCA | {"components": 4, "rows_found": 3}),
    (remove("tuning_dimensions", PCA), PCA | {"components": 3, "rows_found": 0}),
    (change("tuning_dimensions", {"dimension": 2}, dimension=3), PCA | {"first": 0, "last": 3}),
    (change("tuning_dimensions", PCA | {"dimension": 0}, dimension=1), PCA | {"first": 1, "last": 2}),
    (change("tuning_dimensions", {"dimension": 1}, direction=[0.0]), PCA | {"units": 2, "shortest": 1}),
    (change("tuning_dimensions", {"dimension": 1}, direction=[0.0, 1.0, 0.0]), PCA | {"units": 2, "longest": 3}),
    (change("tuning_dimensions", {"dimension": 1}, direction=[0.0, NAN]), PCA | {"shortest": 2, "longest": 2}),
]
