from tests.sql.audit_cases import INFINITY, NAN, bad_values

VALID = {
    "transform_blocks": {
        "dictionary_id": "crosscoder",
        "feature": 5,
        "element": [0, 3],
        "norm": [1.0, 0.0],
        "cosine_to_identity": [1.0, -0.3],
    },
}
IDENTITY, BLOCK = {"element": 0}, {"element": 3}

CASES = [
    *bad_values("transform_blocks", BLOCK, names=BLOCK, cosine_to_identity=[1.1, -1.1, NAN]),
    *bad_values("transform_blocks", IDENTITY, names=IDENTITY, cosine_to_identity=[0.9]),
    *bad_values("transform_blocks", BLOCK, names=BLOCK, norm=[-1.0, INFINITY]),
]
