from tests.sql.audit_cases import NOT_WEBP, WEBP, bad_values, change

VALID = {
    "networks": {"network": "net", "input_size": 200},
    "activation_sets": {
        "activation_set_id": ["set", "default"],
        "network": "net",
        "group_order": 4,
        "config": ['{"images": {"frame_size": 100}}', "{}"],
    },
    "dictionaries": {"dictionary_id": ["sae", "other"], "activation_set_id": ["set", "default"]},
    "quantile_examples": {
        "dictionary_id": ["sae", "other"],
        "feature": 1,
        "quantile": 0.5,
        "y": [0, 199],
        "x": [99, 199],
        "element": [0, 3],
        "patch": WEBP,
    },
}
SAE = {"dictionary_id": "sae"}

CASES = [
    *bad_values("quantile_examples", SAE, names=SAE, y=[-1, 100], x=[-1, 100], element=[-1, 4]),
    *((change("quantile_examples", SAE, patch=picture), SAE | {"patch_bytes": len(picture)}) for picture in NOT_WEBP),
]
