from tests.sql.audit_cases import all_of, change, remove, repeat

VALID = {
    "concepts": {"concept_id": ["stripes", "zebras"], "name": ["stripes", "zebra"], "exemplars": [3, 1]},
    "concept_exemplars": {
        "concept_id": ["stripes", "stripes", "stripes", "zebras"],
        "place": [0, 1, 2, 0],
        "image_id": ["image 0", "image 1", "image 2", "image 0"],
    },
}
STRIPES = {"concept_id": "stripes"}


def place(number):
    return STRIPES | {"place": number}


CASES = [
    (remove("concept_exemplars", STRIPES), STRIPES | {"exemplars": 3, "exemplars_found": 0}),
    (remove("concept_exemplars", place(1)), STRIPES | {"exemplars": 3, "exemplars_found": 2, "images": 2}),
    (change("concepts", STRIPES, exemplars=4), STRIPES | {"exemplars": 4, "exemplars_found": 3}),
    (change("concept_exemplars", place(0), place=3), STRIPES | {"first": 1, "last": 3}),
    (change("concept_exemplars", place(2), place=3), STRIPES | {"first": 0, "last": 3}),
    (change("concept_exemplars", place(1), place=-1), STRIPES | {"first": -1, "last": 2}),
    (repeat("concept_exemplars", STRIPES), STRIPES | {"exemplars": 3, "exemplars_found": 6, "images": 3}),
    (change("concept_exemplars", STRIPES, image_id="image 0"), STRIPES | {"exemplars": 3, "images": 1}),
    (
        all_of(change("concepts", STRIPES, exemplars=0), remove("concept_exemplars", STRIPES)),
        STRIPES | {"exemplars": 0, "exemplars_found": 0},
    ),
]
