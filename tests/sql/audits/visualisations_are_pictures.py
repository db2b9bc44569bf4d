from tests.sql.audit_cases import NOT_WEBP, WEBP, change

VALID = {
    "feature_visualisations": {
        "dictionary_id": "sae",
        "feature": 3,
        "direction": ["positive", "negative"],
        "picture": WEBP,
    },
}

CASES = [
    (
        change("feature_visualisations", {"direction": "negative"}, picture=picture),
        {"feature": 3, "direction": "negative", "picture_bytes": len(picture)},
    )
    for picture in NOT_WEBP
]
