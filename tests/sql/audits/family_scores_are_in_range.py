from tests.sql.audit_cases import INFINITY, NAN, bad_values, change

METRICS = {
    "adjusted_rand": 0.6,
    "purity": 0.9,
    "silhouette": -0.5,
    "neighbour_agreement": 0.8,
    "neighbour_chance": 0.15,
    "clustered": 0.85,
    "families": 5.0,
    "features": 36.0,
}
VALID = {
    "family_scores": {
        "family_analysis_id": "families",
        "condition": "features",
        "seed": 1,
        "metric": list(METRICS),
        "value": list(METRICS.values()),
    },
}

CASES = [
    *(
        case
        for metric, values in {
            "adjusted_rand": [-1.1, 1.1, NAN],
            "purity": [1.1, -0.1],
            "silhouette": [INFINITY, -1.1, 1.1],
            "neighbour_agreement": [1.1, -0.1],
            "neighbour_chance": [-0.1, 1.1],
            "clustered": [1.1, -0.1],
            "families": [-1.0],
            "features": [-1.0],
        }.items()
        for case in bad_values("family_scores", {"metric": metric}, names={"seed": 1, "metric": metric}, value=values)
    ),
    (change("family_scores", {"metric": "purity"}, metric="beauty"), {"metric": "beauty", "value": 0.9}),
]
