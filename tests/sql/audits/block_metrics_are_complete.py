from tests.sql.audit_cases import NAN, change, remove

VALID = {
    "dictionaries": {"dictionary_id": ["sae", "crosscoder"], "group_order": [1, 4]},
    "block_metrics": {
        "dictionary_id": ["sae", *["crosscoder"] * 4],
        "element": [0, 0, 1, 2, 3],
        "fvu": [0.2, 0.3, 0.31, 0.32, 0.31],
    },
}
CROSSCODER = {"dictionary_id": "crosscoder"}

CASES = [
    (remove("block_metrics", CROSSCODER | {"element": 2}), CROSSCODER | {"group_order": 4, "blocks": 3}),
    (remove("block_metrics", {"dictionary_id": "sae"}), {"dictionary_id": "sae", "blocks": 0}),
    (change("block_metrics", {"element": 2}, element=4), CROSSCODER | {"blocks": 4, "last_block": 4}),
    (change("block_metrics", {"element": 2}, fvu=-0.1), CROSSCODER | {"impossible_fvu": 1}),
    (change("block_metrics", {"element": 2}, fvu=NAN), CROSSCODER | {"impossible_fvu": 1}),
]
