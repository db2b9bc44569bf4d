from tests.sql.audit_cases import NAN, bad_values, change, remove

VALID = {
    "networks": {"network": ["net", "other net"], "classes": [1000, 10]},
    "concept_analyses": {"concept_analysis_id": ["analysis", "other analysis"], "network": ["net", "other net"]},
    "concepts": {"concept_id": ["zebras", "sevens"], "exemplars": [5, 4]},
    "tcav_scores": {
        "concept_analysis_id": ["analysis", "analysis", "other analysis"],
        "cav_id": ["of stripes", "of dots", "of curves"],
        "class_images_id": ["zebras", "zebras", "sevens"],
        "class_index": [340, 340, 7],
        "score": [0.8, 0.6, 0.75],
        "magnitude": [0.4, 0.3, 1.0],
    },
}
STRIPES, DOTS, CURVES = {"cav_id": "of stripes"}, {"cav_id": "of dots"}, {"cav_id": "of curves"}

CASES = [
    *bad_values(
        "tcav_scores",
        STRIPES,
        names=STRIPES | {"class_images_id": "zebras", "class_images": 5},
        score=[1.2, -0.2, 0.7, NAN],
        magnitude=[1.1, -0.1, NAN],
        class_index=[1000, -1],
    ),
    *bad_values("tcav_scores", CURVES, names=CURVES | {"classes": 10}, class_index=[10], score=[0.8]),
    (change("concepts", {"concept_id": "sevens"}, exemplars=5), CURVES | {"class_images": 5, "score": 0.75}),
    (remove("concepts", {"concept_id": "sevens"}), CURVES | {"class_images": None}),
    (
        change("tcav_scores", DOTS, class_images_id="sevens", score=0.75),
        STRIPES | {"class_sets": 2},
        DOTS | {"class_sets": 2},
    ),
]
# another class may have other images
ALSO_VALID = [change("tcav_scores", DOTS, class_images_id="sevens", score=0.75, class_index=341)]
