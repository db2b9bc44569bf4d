from tests.sql.audit_cases import NAN, bad_values, change

VALID = {
    "concepts": {"concept_id": ["stripes", "dots", "noisy stripes"], "origin": ["drawn", "drawn", "attacked"]},
    "facet_pictures": {
        "facet_analysis_id": "facets",
        "place": [0, 1, 2, 3, 4],
        "attack": ["plain", "clean", "clean", "negative", "positive"],
        "facet_id": [None, "stripes", "dots", "stripes", "stripes"],
        "target_facet_id": [None, None, None, None, "dots"],
        "probe_images_id": [None, "stripes", "dots", "noisy stripes", "noisy stripes"],
        "accuracy": [None, 1.0, 1.0, 1.0, 0.9],
        "cosine": [None, 1.0, 1.0, -0.3, -0.5],
    },
}
PLAIN, CLEAN, NEGATIVE, POSITIVE = {"place": 0}, {"place": 1}, {"place": 3}, {"place": 4}

CASES = [
    *bad_values(
        "facet_pictures",
        PLAIN,
        names=PLAIN,
        facet_id=["dots"],
        target_facet_id=["dots"],
        probe_images_id=["dots"],
        accuracy=[1.0],
        cosine=[1.0],
    ),
    *bad_values(
        "facet_pictures",
        POSITIVE,
        names=POSITIVE | {"facet_analysis_id": "facets"},
        attack=["magic"],
        facet_id=[None, "zebras"],
        target_facet_id=[None, "stripes", "zebras"],
        probe_images_id=[None, "stripes", "dots"],
        accuracy=[None, 1.1, -0.1, NAN],
        cosine=[None, -1.1, 1.1, NAN],
    ),
    *bad_values("facet_pictures", NEGATIVE, names=NEGATIVE, target_facet_id=["dots"]),
    *bad_values("facet_pictures", CLEAN, names=CLEAN, probe_images_id=["noisy stripes", None], cosine=[0.9, None]),
    (
        change("concepts", {"concept_id": "noisy stripes"}, origin="drawn"),
        NEGATIVE | {"origin": "drawn"},
        POSITIVE | {"origin": "drawn"},
    ),
]
