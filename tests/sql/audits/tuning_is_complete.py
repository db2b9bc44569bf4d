from tests.sql.audit_cases import all_of, change, remove

VALID = {
    "layers": {"network": "net", "layer": ["blocks.5", "blocks.3"], "channels": [3, 2]},
    "dictionaries": {"dictionary_id": "sae", "activation_set_id": "set", "features": 2},
    "unit_sets": {
        "unit_set_id": ["neurons", "features"],
        "network": "net",
        "layer": "blocks.5",
        "kind": ["neurons", "features"],
        "dictionary_id": [None, "sae"],
        "activation_set_id": "set",
        "units": [3, 2],
    },
    "unit_tuning": {"unit_set_id": ["neurons"] * 3 + ["features"] * 2, "unit": [0, 1, 2, 0, 1]},
}
NEURONS = {"unit_set_id": "neurons"}
FEATURES = {"unit_set_id": "features"}

CASES = [
    (change("unit_sets", NEURONS, units=4), NEURONS | {"units": 4, "rows_found": 3}),
    (change("unit_sets", NEURONS, dictionary_id="sae"), NEURONS | {"dictionary_id": "sae"}),
    (change("unit_sets", FEATURES, dictionary_id=None), FEATURES | {"dictionary_id": None}),
    (change("unit_sets", FEATURES, activation_set_id="other set"), FEATURES),
    (change("unit_tuning", NEURONS | {"unit": 2}, unit=3), NEURONS | {"first": 0, "last": 3}),
    (change("unit_tuning", NEURONS | {"unit": 0}, unit=3), NEURONS | {"first": 1, "last": 3}),
    (remove("unit_tuning", FEATURES), FEATURES | {"rows_found": 0}),
    (
        all_of(change("unit_sets", NEURONS, units=2), remove("unit_tuning", NEURONS | {"unit": 2})),
        NEURONS | {"units": 2, "rows_found": 2},
    ),
    (change("dictionaries", features=3), FEATURES | {"units": 2}),
]
