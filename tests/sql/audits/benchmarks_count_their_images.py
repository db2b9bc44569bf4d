from tests.sql.audit_cases import change

VALID = {
    "benchmarks": {
        "benchmark_id": ["photographs", "with domains"],
        "images": 30,
        "probed_images": 20,
        "probed_classes": 4,
        "domains": ["", "patterns"],
        "domain_images": [0, 50],
    },
    "benchmarked_dictionaries": {
        "benchmark_id": "photographs",
        "dictionary_id": "sae",
        "features": 8,
        "l0": 2.5,
        "dead_features": 1,
    },
}
PLAIN, WITH_DOMAINS = {"benchmark_id": "photographs"}, {"benchmark_id": "with domains"}
CASES = [
    (change("benchmarks", PLAIN, probed_images=31), PLAIN),
    (change("benchmarks", WITH_DOMAINS, probed_classes=5), WITH_DOMAINS),
    (change("benchmarks", WITH_DOMAINS, probed_classes=1), WITH_DOMAINS),
    (change("benchmarks", WITH_DOMAINS, domains=""), WITH_DOMAINS),
    (change("benchmarks", PLAIN, domain_images=3), PLAIN),
    (change("benchmarked_dictionaries", {}, l0=8.5), PLAIN | {"dictionary_id": "sae"}),
    (change("benchmarked_dictionaries", {}, dead_features=9), PLAIN | {"dictionary_id": "sae"}),
    (change("benchmarked_dictionaries", {}, dead_features=-1), PLAIN | {"dictionary_id": "sae"}),
]
