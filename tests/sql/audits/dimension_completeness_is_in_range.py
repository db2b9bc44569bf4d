from tests.sql.audit_cases import NAN, bad_values, change, remove

# the images of the second analysis have no labels
VALID = {
    "dimension_analyses": {"dimension_analysis_id": ["pca", "pca without labels"], "components": [4, 1]},
    "dimension_completeness": {
        "dimension_analysis_id": ["pca", "pca", "pca without labels"],
        "dimensions": [2, 4, 1],
        "frames": [20, 20, 5],
        "labelled": [10, 10, 0],
        "agreement_kept": [0.5, 1.0, 0.2],
        "agreement_removed": [0.5, 0.0, 0.8],
        "accuracy_clean": [0.8, 0.8, None],
        "accuracy_kept": [0.4, 0.8, None],
        "accuracy_removed": [0.4, 0.0, None],
    },
}
PCA = {"dimension_analysis_id": "pca"}
KEPT, ALL = PCA | {"dimensions": 2}, PCA | {"dimensions": 4}
UNLABELLED = {"dimension_analysis_id": "pca without labels"}

CASES = [
    (remove("dimension_completeness", ALL), KEPT | {"last": 2, "components": 4}),
    (
        change("dimension_completeness", UNLABELLED, dimension_analysis_id="unknown"),
        {"dimension_analysis_id": "unknown", "components": None},
    ),
    *bad_values(
        "dimension_completeness",
        KEPT,
        names=PCA,
        dimensions=[0],
        agreement_kept=[1.1, -0.1, NAN],
        agreement_removed=[-0.1, 1.1],
        accuracy_kept=[None, 1.1, -0.1],
        accuracy_removed=[None, -0.1, 1.1],
    ),
    # the rows of an analysis are about the same images
    *(
        (
            change("dimension_completeness", KEPT, **{column: value}),
            KEPT | {"different_frames": 2, column: value},
            ALL | {"different_frames": 2},
        )
        for column, value in [("frames", 19), ("labelled", 9), ("accuracy_clean", 0.9), ("accuracy_clean", None)]
    ),
    (change("dimension_completeness", KEPT, dimensions=7), KEPT | {"dimensions": 7, "last": 7}, ALL | {"last": 7}),
    *(
        (
            change("dimension_completeness", PCA, **{column: value}),
            KEPT | {column: value, "different_frames": 1},
            ALL | {column: value, "different_frames": 1},
        )
        for column, value in [("labelled", 21), ("labelled", -1), ("labelled", 0), ("accuracy_clean", 1.1)]
    ),
    *bad_values("dimension_completeness", UNLABELLED, names=UNLABELLED, frames=[0, -1], labelled=[5, -1]),
    *bad_values(
        "dimension_completeness",
        UNLABELLED,
        names=UNLABELLED,
        accuracy_clean=[0.8],
        accuracy_kept=[0.8],
        accuracy_removed=[0.8],
    ),
]
