from tests.sql.audit_cases import NAN, change, remove, repeat

# a plain picture and the clean ones of two facets, each read by the probes of both facets
VALID = {
    "facet_pictures": {
        "facet_analysis_id": "facets",
        "place": [0, 1, 2],
        "attack": ["plain", "clean", "clean"],
        "facet_id": [None, "stripes", "dots"],
    },
    "facet_readings": {
        "facet_analysis_id": "facets",
        "place": [0, 0, 1, 1, 2, 2],
        "facet_id": ["stripes", "dots"] * 3,
        "logit": [-1.0, -1.0, 2.0, -1.2, -1.2, 2.0],
    },
}
READING = {"facet_analysis_id": "facets", "place": 1, "facet_id": "dots"}

CASES = [
    (remove("facet_readings", READING), READING | {"readings": 0}),
    (
        remove("facet_readings", {"facet_id": "dots"}),
        *({"place": place, "facet_id": "dots", "readings": 0} for place in (0, 1, 2)),
    ),
    (repeat("facet_readings", READING), READING | {"readings": 2}),
    (change("facet_readings", READING, logit=NAN), READING | {"readings": 1, "logit": NAN}),
    (
        change("facet_readings", READING, facet_id="zebras"),
        READING | {"readings": 0},
        READING | {"facet_id": "zebras", "readings": 1},
    ),
    (
        change("facet_readings", READING, place=9),
        READING | {"readings": 0},
        READING | {"place": 9, "readings": 1},
    ),
]
