from tests.sql.audit_cases import INFINITY, NAN, NOT_WEBP, WEBP, bad_values, change, remove

PNG = b"\x89PNG\r\n\x1a\n and so on"
VALID = {
    "dictionaries": {"dictionary_id": "sae", "activation_set_id": "set"},
    "feature_examples": {"dictionary_id": "sae", "feature": 1, "rank": [1, 3, 4], "image_id": ["a", "b", "a"]},
    "image_frames": {"activation_set_id": "set", "image_id": ["a", "b"], "side_px": 224, "picture": WEBP},
    "feature_heat_maps": {
        "dictionary_id": "sae",
        "feature": 1,
        "rank": [1, 3],
        "map_rows": [28, 64],
        "map_columns": 28,
        "first_y_px": [4, -14],
        "first_x_px": 0,
        "stride_px": [8, 4],
        "maximum": [2.5, 0.0],
        "picture": PNG,
    },
}
FIRST = {"rank": 1}

CASES = [
    (remove("image_frames", {"image_id": "b"}), {"rank": 3, "side_px": None}),
    (change("feature_heat_maps", {"rank": 3}, rank=4), {"rank": 4}),
    *bad_values(
        "feature_heat_maps", FIRST, names=FIRST, map_rows=[0, 65], map_columns=[0, 65], maximum=[-1.0, NAN, INFINITY]
    ),
    *bad_values(
        "feature_heat_maps",
        FIRST,
        names=FIRST,
        shown=False,
        stride_px=[0, 20],
        first_y_px=[-120, 130],
        first_x_px=[-120, 130],
    ),
    *(
        (change("feature_heat_maps", FIRST, picture=picture), FIRST | {"map_bytes": len(picture)})
        for picture in (WEBP, PNG[1:], b"")
    ),
    *((change("image_frames", {"image_id": "a"}, picture=picture), FIRST) for picture in NOT_WEBP),
]
