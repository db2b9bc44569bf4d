from tasks.benchmark.metrics import METRICS
from tests.sql.audit_cases import INFINITY, NAN, change, remove

KEY = {"benchmark_id": "benchmark", "dictionary_id": "sae"}
NAMES = list(METRICS)
VALID = {
    "benchmarked_dictionaries": KEY,
    "benchmark_scores": KEY
    | {
        "metric": NAMES,
        "value": 0.5,
        "n": 4,
        "higher_is_better": [METRICS[name].higher_is_better for name in NAMES],
    },
}


def scored(metric: str, **columns):
    return change("benchmark_scores", {"metric": metric}, **columns)


ALSO_VALID = [
    scored("fvu", value=-0.1),
    scored("cross_domain_fvu", value=1.7),
    scored("probe_ratio", value=1.9),
    scored("localisation", value=-0.2),
    remove("benchmark_scores", {"metric": "absorption"}),
]
CASES = [
    (remove("benchmark_scores", {"metric": "fvu"}), KEY | {"needed": 3}),
    (remove("benchmark_scores", {"metric": "cross_domain_overlap"}), KEY | {"cross_domain": 4}),
    *(
        (scored(metric, value=value), KEY | {"impossible_values": 1})
        for metric, value in (
            ("fvu", NAN),
            ("fvu", INFINITY),
            ("fvu_about_channel_means", -0.1),
            ("probe_ratio", 2.1),
            ("sparse_probing", 1.1),
            ("absorption", -0.1),
            ("localisation", -1.5),
            ("monosemanticity", 1.5),
        )
    ),
    (scored("absorption", n=0), KEY | {"impossible_values": 1}),
    (remove("benchmark_scores"), KEY | {"needed": 0}),
]
