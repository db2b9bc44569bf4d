from tests.sql.audit_cases import all_of, change, remove

# three parameters, of which each dimension follows another
VALID = {
    "dimension_analyses": {"dimension_analysis_id": ["pca", "ica"], "components": [2, 1]},
    "tuning_scores": {
        "dimension_analysis_id": ["pca"] * 6 + ["ica"],
        "dimension": [0, 0, 0, 1, 1, 1, 0],
        "parameter": ["orientation", "frequency", "colour"] * 2 + ["phase"],
        "assigned": [True, False, False, False, True, False, True],
    },
}
PCA = {"dimension_analysis_id": "pca"}


def score(dimension, parameter):
    return PCA | {"dimension": dimension, "parameter": parameter}


CASES = [
    (remove("tuning_scores", PCA), PCA | {"components": 2, "scores": None}),
    (remove("tuning_scores", PCA | {"dimension": 1}), PCA | {"dimensions_scored": 1}),
    (remove("tuning_scores", score(1, "colour")), PCA | {"scores": 5, "parameters": 3}),
    (change("tuning_scores", score(1, "frequency"), assigned=False), PCA | {"assigned_scores": 1}),
    (change("tuning_scores", score(1, "colour"), assigned=True), PCA | {"assigned_scores": 3}),
    (
        # two parameters to one dimension
        all_of(
            change("tuning_scores", score(0, "orientation"), assigned=False),
            change("tuning_scores", score(1, "colour"), assigned=True),
        ),
        PCA | {"assigned_scores": 2, "assigned_dimensions": 1, "assigned_parameters": 2},
    ),
    (
        # one parameter to two dimensions
        all_of(
            change("tuning_scores", score(1, "frequency"), assigned=False),
            change("tuning_scores", score(1, "orientation"), assigned=True),
        ),
        PCA | {"assigned_scores": 2, "assigned_dimensions": 2, "assigned_parameters": 1},
    ),
]
