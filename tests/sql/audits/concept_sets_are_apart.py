from tests.sql.audit_cases import change

SETS = ["stripes", "dots", "random 0", "random 1", "zebras"]
VALID = {
    "concept_exemplars": {
        "concept_id": SETS * 2,
        "place": [0] * 5 + [1] * 5,
        "image_id": [f"{name} {place}" for place in (0, 1) for name in SETS],
        "name": "a.png",
    },
    "cavs": {
        "cav_id": ["of stripes", "of dots", "of random 0"],
        "concept_id": ["stripes", "dots", "random 0"],
        "random_set_id": ["random 0", "random 1", "random 1"],
    },
    "tcav_scores": {
        "concept_analysis_id": "analysis",
        "cav_id": ["of stripes", "of dots", "of random 0"],
        "class_images_id": "zebras",
    },
}

CASES = [
    (
        change("concept_exemplars", {"concept_id": one, "place": 0}, image_id=f"{other} 1"),
        {"concept_analysis_id": "analysis", "image_id": f"{other} 1", "concepts": sorted([one, other])},
    )
    for one, other in [
        ("stripes", "random 0"),
        ("stripes", "zebras"),
        ("random 0", "zebras"),
        ("random 0", "random 1"),
        ("stripes", "dots"),
    ]
]
# a set that no vector of the analysis is about may have the same images
ALSO_VALID = [
    change("concept_exemplars", {"concept_id": "dots"}, concept_id="a copy of the stripes", image_id="stripes 0")
]
