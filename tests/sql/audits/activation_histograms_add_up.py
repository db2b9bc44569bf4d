from tests.sql.audit_cases import NAN, add, all_of, change, remove

VALID = {
    "activation_sets": {"activation_set_id": "set", "orbits": 10, "group_order": 4},
    "dictionaries": {"dictionary_id": ["sae", "cross"], "activation_set_id": "set", "orbit_reuse": [None, True]},
    "features": {
        "dictionary_id": ["sae", "cross", "cross"],
        "feature": [0, 0, 1],
        "density": [0.5, 0.25, 0.0],
        "max_activation": [2.3, 1.0, 0.0],
        "dead": [False, False, True],
    },
    "activation_histograms": {
        "dictionary_id": ["sae", "sae", "cross"],
        "feature": 0,
        "bin": [0, 4, 0],
        "lower": [1.0, 2.0, 1.0],
        "upper": [2**0.25, 2**1.25, 2**0.25],
        "rows": [4, 1, 10],
    },
}
SAE, CROSS = {"dictionary_id": "sae", "feature": 0}, {"dictionary_id": "cross", "feature": 0}
TOP = SAE | {"bin": 4}

ALSO_VALID = [
    remove("activation_histograms"),
    remove("activation_histograms", {"dictionary_id": "cross"}),
    all_of(
        change("features", SAE, max_activation=2.0**17),
        change("activation_histograms", TOP, bin=63, lower=2**15.75, upper=float("inf")),
        change("activation_histograms", SAE | {"bin": 0}, bin=-64, lower=0.0, upper=2**-15.75),
    ),
]
CASES = [
    (change("activation_histograms", TOP, rows=2), SAE | {"rows_in_bins": 6, "rows_expected": 5.0}),
    (change("activation_histograms", CROSS, rows=9), CROSS | {"rows_in_bins": 9, "rows_expected": 10.0}),
    (change("dictionaries", {"dictionary_id": "cross"}, orbit_reuse=False), CROSS | {"rows_expected": 2.5}),
    (change("features", SAE, max_activation=1.9), SAE | {"lower": 2.0, "max_activation": 1.9}),
    (change("features", SAE, max_activation=2.4), SAE | {"upper": 2**1.25, "max_activation": 2.4}),
    (change("features", CROSS, dead=True), CROSS | {"rows_expected": None}),
    (
        all_of(add("features"), change("features", {"dictionary_id": ""}, dictionary_id="sae", feature=3, density=0.1)),
        {"dictionary_id": "sae", "feature": 3, "rows_in_bins": None},
    ),
    (
        all_of(
            change("activation_histograms", TOP, rows=0),
            change("activation_histograms", SAE | {"bin": 0}, rows=5),
        ),
        TOP | {"rows_in_bins": 0},
    ),
    (change("activation_histograms", TOP, lower=2.1), TOP | {"lower": 2.1}),
    (change("activation_histograms", TOP, upper=2.5), TOP | {"upper": 2.5}),
    (change("activation_histograms", SAE | {"bin": 0}, lower=NAN), SAE | {"bin": 0, "lower": NAN}),
    (change("activation_histograms", SAE | {"bin": 0}, bin=-64, upper=2**-15.75), SAE | {"bin": -64, "lower": 1.0}),
    (change("activation_histograms", SAE | {"bin": 0}, bin=-65), SAE | {"bin": -65}),
]
