from tests.sql.audit_cases import NOT_WEBP, WEBP, change

VALID = {
    "facet_pictures": {
        "facet_analysis_id": "facets",
        "place": [0, 1],
        "attack": ["plain", "clean"],
        "picture": WEBP,
    },
}

CASES = [
    (
        change("facet_pictures", {"place": 1}, picture=picture),
        {"place": 1, "attack": "clean", "picture_bytes": len(picture)},
    )
    for picture in NOT_WEBP
]
