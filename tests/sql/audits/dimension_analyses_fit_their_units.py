from tests.sql.audit_cases import INFINITY, NAN, bad_values, change

VALID = {
    "layers": {"network": ["net", "net", "other net"], "layer": ["blocks.5", "blocks.1", "blocks.5"], "channels": 3},
    "activation_sets": {
        "activation_set_id": ["set", "set of another layer", "set of another network"],
        "network": ["net", "net", "other net"],
        "layer": ["blocks.5", "blocks.1", "blocks.5"],
    },
    "dictionaries": {"dictionary_id": "crosscoder", "activation_set_id": "set", "features": 4},
    "dimension_analyses": {
        "dimension_analysis_id": ["of neurons", "of features"],
        "activation_set_id": "set",
        "dictionary_id": [None, "crosscoder"],
        "method": ["pca", "ica"],
        "components": [2, 3],
        "rows": 100,
        "units": [3, 4],
        "constant_units": [0, 1],
        "mean": [[0.5, 0.6, 0.7], [0.1, 0.0, 0.2, 0.1]],
    },
}
OF_NEURONS = {"dimension_analysis_id": "of neurons"}
OF_FEATURES = {"dimension_analysis_id": "of features"}

CASES = [
    *bad_values(
        "dimension_analyses",
        OF_NEURONS,
        names=OF_NEURONS | {"layer_channels": 3},
        method=["guesswork"],
        units=[4],
        dictionary_id=["unknown"],
        constant_units=[-1, 4, 2],
        rows=[1],
        components=[0],
    ),
    *bad_values("dimension_analyses", OF_FEATURES, names=OF_FEATURES | {"dictionary_features": 4}, units=[5]),
    (change("dimension_analyses", OF_NEURONS, mean=[0.5, 0.6]), OF_NEURONS | {"units": 3, "mean_length": 2}),
    (change("dimension_analyses", OF_NEURONS, mean=[0.5, NAN, 0.7]), OF_NEURONS | {"mean_length": 3}),
    (change("dimension_analyses", OF_NEURONS, mean=[0.5, INFINITY, 0.7]), OF_NEURONS | {"mean_length": 3}),
    (
        change("layers", {"network": "net", "layer": "blocks.5"}, channels=4),
        OF_NEURONS | {"units": 3, "layer_channels": 4},
    ),
    (change("dictionaries", activation_set_id="set of another layer"), OF_FEATURES | {"dictionary_id": "crosscoder"}),
    (change("dictionaries", activation_set_id="set of another network"), OF_FEATURES | {"dictionary_id": "crosscoder"}),
]
