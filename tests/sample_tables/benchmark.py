"""`sql/schema/16_benchmark.sql`: two benchmarks of the sample's SAE, a replica of it and a JumpReLU SAE."""

import json

from tasks.benchmark.metrics import METRICS
from tasks.keys import content_key
from tests.sample_tables.planted import ACTIVATION_SET, FEATURES, SAE
from tests.sample_tables.rows import Row, Tables, row, rows

BENCHMARK, WITHOUT_DOMAINS = (content_key("sample benchmark", 1, domains=domains) for domains in ("patterns", ""))
REPLICA, JUMPRELU = (content_key("sample dictionary", 1, benchmarked=name) for name in ("replica", "jumprelu"))
"""Dictionaries that are in no other table."""
VALUES = {"localisation": 0.4, "probe_ratio": 0.95, "absorption": 0.3}


def benchmark_rows() -> Tables:
    counts = {"probed_images": 60, "probed_classes": 4, "evaluator": "efficientnet_lite1"}
    config = json.dumps({"seed": 42})
    scored = [
        {"dictionary_id": SAE, "method": "topk", "seed": 0},
        {"dictionary_id": REPLICA, "method": "topk", "seed": 1},
        {"dictionary_id": JUMPRELU, "method": "jumprelu", "seed": 0},
    ]
    dictionaries = [
        row(
            "benchmarked_dictionaries",
            benchmark_id=benchmark,
            **each,
            activation_set_id=ACTIVATION_SET,
            architecture="sae",
            features=FEATURES,
            l0=6.5,
            dead_features=3,
            config_without_seed=json.dumps({"method": each["method"]}),
        )
        for benchmark in (BENCHMARK, WITHOUT_DOMAINS)
        for each in scored
    ]
    return {
        "benchmarks": [
            row("benchmarks", benchmark_id=BENCHMARK, images=72, domains="patterns", domain_images=100, config=config)
            | counts,
            row("benchmarks", benchmark_id=WITHOUT_DOMAINS, images=72, config=config) | counts,
        ],
        "benchmarked_dictionaries": dictionaries,
        "benchmark_scores": [score for place, each in enumerate(dictionaries) for score in _scores(each, 0.01 * place)],
    }


def _scores(dictionary: Row, more: float) -> list[Row]:
    key = {name: dictionary[name] for name in ("benchmark_id", "dictionary_id")}
    names = [name for name in METRICS if key["benchmark_id"] == BENCHMARK or not name.startswith("cross_domain")]
    return rows(
        "benchmark_scores",
        **key,
        metric=names,
        value=[VALUES.get(name, 0.2) + more for name in names],
        n=[12 + number for number in range(len(names))],
        higher_is_better=[METRICS[name].higher_is_better for name in names],
    )
