from tests.sql.audit_cases import INFINITY, NAN, bad_values

METRICS = {
    "fvu": 0.2,
    "equivariant_fvu": 0.4,
    "l0": 7.2,
    "dead_fraction": 0.1,
    "cosine": 0.9,
    "rows": 320.0,
    "stability": 0.6,
    "stability_random": 0.1,
    "top1_change": 0.07,
    "loss_recovered_zero": 0.96,
    "loss_recovered_mean": -0.1,
    "spliced_frames": 64.0,
}
VALID = {"dictionary_metrics": {"dictionary_id": "sae", "metric": list(METRICS), "value": list(METRICS.values())}}

CASES = [
    case
    for metric, values in {
        "fvu": [-0.1, 2.5, NAN, INFINITY],
        "equivariant_fvu": [-0.1, NAN],
        "l0": [-1.0],
        "dead_fraction": [1.2, -0.1],
        "cosine": [-1.2, 1.2],
        "rows": [0.0],
        "stability": [-1.2, 1.2],
        "stability_random": [-1.2, 1.2],
        "top1_change": [-0.1, 1.2],
        "loss_recovered_zero": [1.2],
        "loss_recovered_mean": [1.2],
        "spliced_frames": [NAN],
    }.items()
    for case in bad_values("dictionary_metrics", {"metric": metric}, names={"metric": metric}, value=values)
]
