from tests.sql.audit_cases import change

VALID = {
    "layers": {"network": "net", "layer": "blocks.5", "channels": 40},
    "activation_sets": {"activation_set_id": "set", "network": "net", "layer": "blocks.5", "group_order": 16},
    "dictionaries": {
        "dictionary_id": ["sae", "crosscoder"],
        "activation_set_id": "set",
        "architecture": ["sae", "group-crosscoder"],
        "features": 100,
        "channels": 40,
        "k": 8,
        "group_order": [1, 16],
        "steps": 300,
        "rows_seen": 38_400,
    },
}
SAE = {"dictionary_id": "sae"}
CROSSCODER = {"dictionary_id": "crosscoder"}

CASES = [
    (change("dictionaries", SAE, group_order=16), SAE | {"group_order": 16}),
    (change("dictionaries", CROSSCODER, group_order=8), CROSSCODER | {"group_order": 8, "set_group_order": 16}),
    (change("dictionaries", SAE, channels=41), SAE | {"channels": 41, "layer_channels": 40}),
    (change("dictionaries", SAE, k=101), SAE | {"k": 101, "features": 100}),
    (change("dictionaries", SAE, k=0), SAE | {"k": 0}),
    (change("dictionaries", SAE, steps=0), SAE),
    (change("dictionaries", SAE, rows_seen=0), SAE),
]
ALSO_VALID = [change("dictionaries", SAE, k=None)]
