from tests.sql.audit_cases import NOT_WEBP, WEBP, change

VALID = {
    "concept_exemplars": {"concept_id": "stripes", "place": [0, 1], "name": ["a.png", "b.png"], "picture": WEBP},
}

CASES = [
    (
        change("concept_exemplars", {"place": 1}, picture=picture),
        {"concept_id": "stripes", "place": 1, "name": "b.png", "picture_bytes": len(picture)},
    )
    for picture in NOT_WEBP
]
