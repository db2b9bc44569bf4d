from tests.sql.audit_cases import INFINITY, NAN, change, remove

PREDICTORS = [("linear", 0), ("nonlinear", 300), ("generators", 300), ("orbit-linear", 0), ("matching-pursuit", 0)]
VALID = {
    "dictionaries": {"dictionary_id": ["crosscoder"], "group_order": [4]},
    "orbit_predictions": {
        "dictionary_id": "crosscoder",
        "predictor": [name for name, _ in PREDICTORS for _ in range(4)],
        "steps": [steps for _, steps in PREDICTORS for _ in range(4)],
        "element": [0, 1, 2, 3] * 5,
        "fvu": [0.0, 0.5, 0.6, 0.5, 0.1, 0.4, 0.5, 0.4, 0.0, 0.6, 0.7, 0.6, *[0.3] * 4, *[0.2] * 4],
        "variance": 2.0,
    },
}
LINEAR, NONLINEAR, GENERATORS, ORBIT_LINEAR, PURSUIT = ({"predictor": name} for name, _ in PREDICTORS)

CASES = [
    (remove("orbit_predictions", LINEAR | {"element": 2}), LINEAR | {"group_order": 4, "blocks": 3}),
    (change("orbit_predictions", NONLINEAR | {"element": 2}, element=4), NONLINEAR | {"last_block": 4}),
    (change("orbit_predictions", LINEAR | {"element": 2}, fvu=-0.1), LINEAR | {"impossible_values": 1}),
    (change("orbit_predictions", LINEAR | {"element": 2}, fvu=NAN), LINEAR | {"impossible_values": 1}),
    (change("orbit_predictions", LINEAR | {"element": 1}, variance=INFINITY), LINEAR | {"impossible_values": 1}),
    (change("orbit_predictions", LINEAR | {"element": 1}, variance=0.0), LINEAR | {"impossible_values": 1}),
    (change("orbit_predictions", NONLINEAR, steps=0), NONLINEAR | {"steps": 0}),
    *(
        (change("orbit_predictions", each, steps=300), each | {"steps": 300})
        for each in (LINEAR, ORBIT_LINEAR, PURSUIT)
    ),
    (
        change("dictionaries", {}, group_order=1),
        *(predictor | {"group_order": 1} for predictor in (LINEAR, NONLINEAR, GENERATORS, ORBIT_LINEAR, PURSUIT)),
    ),
]
