from tests.sql.audit_cases import NOT_WEBP, WEBP, change

VALID = {
    "networks": {"network": "net", "input_size": 224},
    "activation_sets": {
        "activation_set_id": ["set", "set of small frames"],
        "network": "net",
        "config": ["{}", '{"images": {"frame_size": 64}}'],
    },
    "dictionaries": {
        "dictionary_id": ["sae", "sae of small frames"],
        "activation_set_id": ["set", "set of small frames"],
    },
    "neuron_examples": {
        "dictionary_id": ["sae", "sae of small frames"],
        "neuron": 4,
        "feature": 5,
        "rank": 2,
        "y": [223, 63],
        "x": [0, 63],
        "patch": WEBP,
    },
}
EXAMPLE = {"dictionary_id": "sae", "neuron": 4, "feature": 5, "rank": 2}
IN_SMALL_FRAME = {"dictionary_id": "sae of small frames"}

CASES = [
    (change("neuron_examples", EXAMPLE, y=224), EXAMPLE | {"y": 224}),
    (change("neuron_examples", EXAMPLE, y=-1), EXAMPLE | {"y": -1}),
    (change("neuron_examples", EXAMPLE, x=224), EXAMPLE | {"x": 224}),
    (change("neuron_examples", EXAMPLE, x=-1), EXAMPLE | {"x": -1}),
    *((change("neuron_examples", EXAMPLE, patch=patch), EXAMPLE | {"patch_bytes": len(patch)}) for patch in NOT_WEBP),
    (change("neuron_examples", IN_SMALL_FRAME, y=64), IN_SMALL_FRAME | {"y": 64}),
    (change("neuron_examples", IN_SMALL_FRAME, x=64), IN_SMALL_FRAME | {"x": 64}),
]
