from tests.sql.audit_cases import INFINITY, NAN, bad_values, change

VALID = {
    "features": {
        "dictionary_id": "sae",
        "feature": [5, 7],
        "atom_dimension": 1,
        "density": [0.2, 0.0],
        "mean_activation": [1.0, 0.0],
        "max_activation": [3.0, 0.0],
        "dead": [False, True],
    },
}
LIVE = {"feature": 5}
DEAD = {"feature": 7}

CASES = [
    *bad_values("features", LIVE, names=LIVE, density=[1.5, -0.1, NAN], max_activation=[NAN], dead=[True]),
    *bad_values("features", LIVE, names=LIVE, mean_activation=[99.0, 0.0, INFINITY]),
    *bad_values("features", LIVE, names=LIVE, shown=False, atom_dimension=[0, 5]),
    *bad_values("features", DEAD, names=DEAD, dead=[False], mean_activation=[0.5], max_activation=[1.0]),
    (change("features", LIVE, density=0.0), LIVE | {"density": 0.0}),
]
