from tests.sql.audit_cases import INFINITY, NAN, NOT_WEBP, WEBP, bad_values, change, remove

# the other dimensions have no pictures
VALID = {
    "tuning_dimensions": {
        "dimension_analysis_id": ["pca", "pca", "ica"],
        "dimension": [1, 2, 1],
        "low": [-2.0, -1.0, -1.0],
        "high": [2.0, 1.0, 1.0],
    },
    "dimension_pictures": {
        "dimension_analysis_id": "pca",
        "dimension": 1,
        "kind": ["rendered"] * 3 + ["patch"] * 3,
        "place": [0, 1, 2] * 2,
        "score": [-2.0, 0.0, 2.0, -9.0, 0.0, 9.0],
        "orientation_degrees": [20.0, 20.0, None, None, None, None],
        "coherence": [0.8, 0.8, 0.1, None, None, None],
        "spatial_frequency": [0.1, 0.1, None, None, None, None],
        "picture": WEBP,
    },
}


def picture(kind, place):
    return {"kind": kind, "place": place}


RENDERED, PATCH = picture("rendered", 1), picture("patch", 1)

CASES = [
    (remove("dimension_pictures", PATCH), picture("patch", 2) | {"expected_place": 1}),
    *((change("dimension_pictures", PATCH, picture=bad), PATCH | {"picture_bytes": len(bad)}) for bad in NOT_WEBP),
    *bad_values(
        "dimension_pictures",
        PATCH,
        names=PATCH,
        coherence=[0.5],
        orientation_degrees=[20.0],
        spatial_frequency=[0.1],
        score=[-10.0],
    ),
    *bad_values(
        "dimension_pictures",
        RENDERED,
        names=RENDERED | {"low": -2.0, "high": 2.0},
        coherence=[None, 1.1, -0.1],
        orientation_degrees=[None, 180.0, -1.0, NAN],
        spatial_frequency=[None, 0.0, 0.8],
    ),
    (change("dimension_pictures", RENDERED, score=-9.0), RENDERED | {"score": -9.0, "score_before": -2.0}),
    (change("dimension_pictures", picture("rendered", 0), score=-2.1), picture("rendered", 0) | {"score": -2.1}),
    (
        change("dimension_pictures", RENDERED, score=NAN),
        RENDERED | {"score": NAN},
        picture("rendered", 2) | {"score_before": NAN},
    ),
    (change("dimension_pictures", picture("patch", 0), score=-INFINITY), picture("patch", 0) | {"score": -INFINITY}),
    (change("dimension_pictures", PATCH, score=9.1), picture("patch", 2) | {"score": 9.0, "score_before": 9.1}),
    (change("tuning_dimensions", {"low": -2.0}, high=1.0), picture("rendered", 2) | {"score": 2.0, "high": 1.0}),
    (remove("tuning_dimensions", {"low": -2.0}), *(picture("rendered", place) | {"low": None} for place in (0, 1, 2))),
    (
        change("dimension_pictures", PATCH, orientation_degrees=20.0, spatial_frequency=0.1),
        PATCH | {"orientation_degrees": 20.0},
    ),
]
