from tests.sql.audit_cases import all_of, change, remove

VALID = {
    "dictionaries": {"dictionary_id": ["crosscoder", "sae"], "group_order": [4, 1]},
    "features": {
        "dictionary_id": ["crosscoder", "crosscoder", "sae"],
        "feature": [5, 7, 5],
        "dead": [False, True, False],
    },
    "transform_blocks": {"dictionary_id": "crosscoder", "feature": 5, "element": [0, 1, 2, 3]},
}
LIVE = {"dictionary_id": "crosscoder", "feature": 5}
DEAD = {"dictionary_id": "crosscoder", "feature": 7}
OF_SAE = {"dictionary_id": "sae", "feature": 5}

CASES = [
    (remove("transform_blocks", {"element": 2}), LIVE | {"group_order": 4, "blocks": 3}),
    (remove("transform_blocks"), LIVE | {"blocks": 0}),
    (change("transform_blocks", {"element": 3}, element=4), LIVE | {"first": 0, "last": 4}),
    (change("transform_blocks", {"element": 0}, element=4), LIVE | {"first": 1, "last": 4}),
    (
        change("transform_blocks", dictionary_id="sae"),
        LIVE | {"blocks": 0},
        OF_SAE | {"group_order": 1, "blocks": 4},
    ),
    (change("transform_blocks", {"element": 3}, feature=7), LIVE | {"blocks": 3}, DEAD | {"blocks": 1, "last": 3}),
]
ALSO_VALID = [all_of(remove("transform_blocks"), change("features", LIVE, dead=True))]
