from tests.sql.audit_cases import NOT_WEBP, WEBP, change

VALID = {
    "networks": {"network": "net", "input_size": 224},
    "activation_sets": {
        "activation_set_id": ["set", "set of small frames"],
        "network": "net",
        "group_order": 16,
        "config": ["{}", '{"images": {"frame_size": 64}}'],
    },
    "dictionaries": {
        "dictionary_id": ["sae", "sae of small frames"],
        "activation_set_id": ["set", "set of small frames"],
    },
    "feature_examples": {
        "dictionary_id": ["sae", "sae of small frames"],
        "feature": 5,
        "rank": 2,
        "y": [223, 63],
        "x": [0, 63],
        "element": [15, 0],
        "patch": WEBP,
    },
}
EXAMPLE = {"dictionary_id": "sae"}
IN_SMALL_FRAME = {"dictionary_id": "sae of small frames"}

CASES = [
    (change("feature_examples", EXAMPLE, y=224), EXAMPLE | {"feature": 5, "rank": 2, "y": 224}),
    (change("feature_examples", EXAMPLE, y=-1), EXAMPLE | {"y": -1}),
    (change("feature_examples", EXAMPLE, x=224), EXAMPLE | {"x": 224}),
    (change("feature_examples", EXAMPLE, x=-1), EXAMPLE | {"x": -1}),
    (change("feature_examples", EXAMPLE, element=16), EXAMPLE | {"element": 16}),
    (change("feature_examples", EXAMPLE, element=-1), EXAMPLE | {"element": -1}),
    *((change("feature_examples", EXAMPLE, patch=patch), EXAMPLE | {"patch_bytes": len(patch)}) for patch in NOT_WEBP),
    (change("feature_examples", IN_SMALL_FRAME, y=64), IN_SMALL_FRAME | {"y": 64}),
    (change("feature_examples", IN_SMALL_FRAME, x=64), IN_SMALL_FRAME | {"x": 64}),
]
