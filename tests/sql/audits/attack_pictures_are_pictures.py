from tests.sql.audit_cases import NOT_WEBP, WEBP, change

VALID = {
    "attack_pictures": {
        "attack_experiment_id": "experiment",
        "perturbed_set": "concept",
        "attack": "token-pushing",
        "epsilon": 8,
        "place": [0, 1],
        "clean": WEBP,
        "attacked": WEBP,
        "difference": WEBP,
    },
}

CASES = [
    (
        change("attack_pictures", {"place": 1}, **{kind: picture}),
        {"attack": "token-pushing", "epsilon": 8, "place": 1, "kind": kind, "picture_bytes": len(picture)},
    )
    for kind in ("clean", "attacked", "difference")
    for picture in NOT_WEBP
]
