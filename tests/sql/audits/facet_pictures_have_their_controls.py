from tests.sql.audit_cases import change, remove, repeat

VALID = {
    "facet_analyses": {"facet_analysis_id": "facets"},
    "facet_pictures": {
        "facet_analysis_id": "facets",
        "place": [0, 1, 2, 3, 4, 5],
        "attack": ["plain", "clean", "clean", "noise", "noise", "positive"],
        "facet_id": [None, "stripes", "dots", "stripes", "dots", "stripes"],
        "target_facet_id": [None, None, None, None, None, "dots"],
    },
}
ANALYSIS, OF_STRIPES = {"facet_analysis_id": "facets", "facet_id": None}, {"facet_id": "stripes"}
PLAIN, CLEAN, NOISE, POSITIVE = {"place": 0}, {"place": 1}, {"place": 3}, {"place": 5}

CASES = [
    (remove("facet_pictures"), ANALYSIS | {"plain": 0, "clean": 0, "pictures": 0}),
    (remove("facet_pictures", PLAIN), ANALYSIS | {"plain": 0, "first": 1}),
    (change("facet_pictures", NOISE, attack="negative"), OF_STRIPES | {"clean": 1, "noise": 0}),
    (change("facet_pictures", CLEAN, attack="negative"), OF_STRIPES | {"clean": 0, "noise": 1}),
    (repeat("facet_pictures", CLEAN, place=6), OF_STRIPES | {"clean": 2, "pictures": 4, "different": 3}),
    (repeat("facet_pictures", NOISE, place=6), OF_STRIPES | {"noise": 2, "pictures": 4, "different": 3}),
    (
        change("facet_pictures", {"attack": "clean"}, attack="negative"),
        ANALYSIS | {"plain": 1, "clean": 0},
        OF_STRIPES | {"clean": 0},
        {"facet_id": "dots", "clean": 0},
    ),
    (repeat("facet_pictures", POSITIVE, place=6), OF_STRIPES | {"pictures": 4, "different": 3}),
    (change("facet_pictures", POSITIVE, place=6), ANALYSIS | {"pictures": 6, "last": 6}),
    (change("facet_pictures", PLAIN, place=-1), ANALYSIS | {"first": -1}),
    (change("facet_pictures", POSITIVE, place=4), ANALYSIS | {"pictures": 6, "last": 4}),
    (change("facet_pictures", NOISE, place=4), ANALYSIS | {"pictures": 6, "first": 0, "last": 5}),
    (repeat("facet_pictures", PLAIN, place=6), ANALYSIS | {"plain": 2}),
]
ALSO_VALID = [repeat("facet_pictures", POSITIVE, place=6, target_facet_id="zigzags")]
