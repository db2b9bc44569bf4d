"""MLflow runs of a benchmark: one run for each dictionary that was scored, in the experiment NETWORK/LAYER/benchmark.

Its metrics are those of the table `benchmark_scores`, beside `l0` and `dead_fraction`. Its parameters are the
configuration of the dictionary, its key and that of the benchmark, and the scoring's as `scoring.NAME`.
"""

import json
from typing import TYPE_CHECKING

from tasks.benchmark.score import scores_key
from tasks.dictionary.store import describe
from tasks.settings import Settings
from tasks.staging import read_staged
from tasks.tracking.runs import filed, log_metrics, log_params
from tasks.warehouse.labels import dictionary_label, label_of

if TYPE_CHECKING:
    from mlflow import MlflowClient


def log_scores(benchmark: str, dictionary: str, settings: Settings) -> str:
    """Log a dictionary's staged scores, once, and return the id of the MLflow run.

    benchmark, dictionary: keys, as `score_dictionaries` has them. Raises UserError when there
    are no scores, or when MLflow can't be reached.
    """
    key = scores_key(benchmark, dictionary)
    tables, about = read_staged(key, settings), describe(dictionary, settings)
    scored, images = (tables[table].row(0, named=True) for table in ("benchmarked_dictionaries", "benchmarks"))

    def label() -> str:
        return f"{dictionary_label(dictionary, settings)} · {label_of('benchmark', benchmark, tables)}"

    def log(client: "MlflowClient", run_id: str) -> None:
        scoring = {f"scoring.{name}": value for name, value in json.loads(images["config"]).items()}
        keys = {"benchmark": benchmark, "scored_dictionary": dictionary}
        log_params(client, run_id, about["config"] | keys | scoring)
        metrics = dict(tables["benchmark_scores"].select("metric", "value").iter_rows())
        metrics |= {"l0": scored["l0"], "dead_fraction": scored["dead_features"] / scored["features"]}
        log_metrics(client, run_id, [(name, value, 0) for name, value in metrics.items()])

    tags = {name: about[name] for name in ("activation_set", "network", "layer")}
    experiment = f"{about['network']}/{about['layer']}/benchmark"
    return filed("benchmark", key, experiment, label, tags, log, settings)
