"""Flow `train`: train a dictionary on an activation set, log the training in MLflow and register the model."""

from typing import TYPE_CHECKING

import polars
from pydantic import Field, model_validator

from flows.extract import extract_set, plan
from flows.steps import Summary, kaleidoscope_flow, recorded, reported, say, show, step
from flows.symmetry import analyse_dictionary, draw_and_match
from tasks.activations.plan import ExtractionConfig
from tasks.activations.shards import ActivationSet, is_stored
from tasks.config import MOST, Config
from tasks.dictionary import train as training
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.launch import train_in_processes
from tasks.dictionary.limits import check_group
from tasks.dictionary.reconstruction_loss import measure_splicing
from tasks.dictionary.stability import measure_stability
from tasks.dictionary.store import describe, dictionary_config, read_metrics
from tasks.errors import UserError
from tasks.report.figures.dictionaries import dictionary_figures
from tasks.settings import Settings
from tasks.staging import read_staged
from tasks.tracking.registry import register
from tasks.tracking.runs import log_findings, log_training

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class TrainConfig(Config):
    """The configuration of the flow."""

    extraction: ExtractionConfig = Field(
        ExtractionConfig(), description="extraction of the activation set; skipped if the set exists"
    )
    dictionary: DictionaryConfig = Field(DictionaryConfig(), description="training of the dictionary")
    processes: int = Field(
        1,
        ge=1,
        le=1024,
        description="processes of this machine that train the dictionary together, each on its part of every batch; at "
        "most one a GPU",
    )
    stream: bool = Field(
        False,
        description="extract the shards while the training reads them and keep none, unless the set is stored already: "
        "each epoch extracts them again; the features are not analysed, which takes a run with stream = false",
    )

    @model_validator(mode="after")
    def _divides_the_batch(self) -> "TrainConfig":
        if self.dictionary.batch_size % self.processes:
            raise ValueError(
                f"dictionary.batch_size = {self.dictionary.batch_size} can't be split over {self.processes} processes: "
                "change one of them"
            )
        return self

    @model_validator(mode="after")
    def _streams_to_one_process(self) -> "TrainConfig":
        if self.stream and self.processes > 1:
            raise ValueError(
                f"stream = true trains in one process, and processes = {self.processes}: change one of them (the "
                "setting KALEIDOSCOPE_WORKERS is the number of those that extract)"
            )
        return self

    @model_validator(mode="after")
    def _fits_the_transformations(self) -> "TrainConfig":
        check_transformations(self.extraction, self.dictionary)
        return self


def check_transformations(extraction: ExtractionConfig, *dictionaries: DictionaryConfig) -> None:
    """Raise ValueError as `check_group` raises UserError, before a long extraction starts."""
    for dictionary in dictionaries:
        try:
            check_group(extraction.group, dictionary)
        except UserError as error:
            raise ValueError(str(error)) from None


@kaleidoscope_flow
def train(config: TrainConfig = TrainConfig()) -> Summary:
    """Train a dictionary, analyse its features, log the training in MLflow and register the model as a candidate.

    With `stream`, the features are not analysed: that reads stored activations.

    Args:
        config: the extraction and the dictionary
    """
    settings = Settings()
    with recorded("train", config, settings) as measured:
        dictionary = train_streamed(config, settings) if config.stream else None
        if dictionary is None:
            activation_set = extract_set(config.extraction, settings)
            dictionary, _ = train_dictionary(activation_set, config.dictionary, settings, config.processes)
            draw_and_match((dictionary,), settings)
    return show(
        Summary(
            title=f"{config.dictionary.name} on {config.extraction.network} {config.extraction.layer}",
            content_keys={"dictionary": dictionary},
            figures=metrics_of(dictionary, settings) | measured.figures(),
            places={"dictionary": str(settings.dictionaries_dir / dictionary), "MLflow": settings.mlflow_tracking_uri}
            | measured.places,
        )
    )


def train_streamed(config: TrainConfig, settings: Settings) -> str | None:
    """Train on shards that are extracted meanwhile, log and register the model; return its key.

    Returns None, and trains nothing, if the activation set is stored.
    """
    with reported("Choose orbits") as progress:
        activation_set, _ = step(plan)(config.extraction, settings, progress)
    if is_stored(activation_set, settings):
        return None
    with reported(f"Train {config.dictionary.name}") as progress:
        dictionary = step(training.train)(activation_set, config.dictionary, settings, progress, stream=True)
    step(register)(dictionary, step(log_training)(dictionary, settings), settings)
    say(
        f"the features of {dictionary[:8]} are not analysed, which reads stored activations: run again with "
        "stream=false, which extracts them and trains nothing again"
    )
    return dictionary


def train_dictionary(
    activation_set: str, config: DictionaryConfig, settings: Settings, processes: int = 1
) -> tuple[str, str]:
    """Train a dictionary in so many processes and file it; return its key and the key of its analysis."""
    with reported(f"Train {config.name}") as progress:
        if processes == 1:
            dictionary = step(training.train)(activation_set, config, settings, progress)
        else:
            dictionary = step(train_in_processes)(activation_set, config, processes, settings, progress)
    return dictionary, file_dictionary(dictionary, settings)


def file_dictionary(dictionary: str, settings: Settings, parent: str | None = None) -> str:
    """Analyse a trained dictionary, log and register it in MLflow, measure its splicing; return the analysis's key.

    parent: id of the MLflow run under which the training is nested.
    """
    analysis = analyse_dictionary(dictionary, settings)
    run = step(log)(dictionary, analysis, settings, parent)
    step(register)(dictionary, run, settings)
    if not dictionary_config(dictionary, settings).reads_all_blocks:
        with reported(f"Splice {dictionary[:8]}") as progress:
            step(splice)(dictionary, settings, progress)
    return analysis


def splice(dictionary: str, settings: Settings, progress) -> None:
    """Measure the network's output with the reconstruction spliced in, and log the metrics in MLflow."""
    key = measure_splicing(dictionary, settings, progress)
    log_findings(dictionary, "splicing", metrics_in(key, settings), settings)


def metrics_in(tables: str, settings: Settings) -> dict[str, float]:
    """Return {metric: value} of a staged table `dictionary_metrics`; tables: its content key."""
    return dict(read_staged(tables, settings)["dictionary_metrics"].select("metric", "value").iter_rows())


def log(dictionary: str, analysis: str, settings: Settings, parent: str | None) -> str:
    """Log a training and the figures of its analysis in MLflow; return the run's id."""

    def figures() -> dict[str, "Figure"]:
        group = ActivationSet.open(describe(dictionary, settings)["activation_set"], settings).group
        return dictionary_figures(read_staged(analysis, settings), group)

    return log_training(dictionary, settings, figures, parent)


def stability_of(dictionary: str, replicas: int, settings: Settings) -> tuple[str, ...]:
    """Train a dictionary's config with further seeds and measure the stability of its features; return the new keys."""
    config, activation_set = dictionary_config(dictionary, settings), describe(dictionary, settings)["activation_set"]
    keys = []
    for seed in next_seeds(config.seed, replicas):
        with reported(f"Train {config.name}, seed {seed}") as progress:
            replica = config.model_copy(update={"seed": seed})
            keys.append(step(training.train)(activation_set, replica, settings, progress))
    with reported(f"Match {config.name} across seeds") as progress:
        step(match)(dictionary, tuple(keys), settings, progress)
    return tuple(keys)


def next_seeds(seed: int, count: int) -> list[int]:
    """Return the `count` seeds after a seed; after the largest comes 0."""
    return [(seed + place) % (MOST + 1) for place in range(1, count + 1)]


def match(dictionary: str, replicas: tuple[str, ...], settings: Settings, progress) -> dict[str, float]:
    """Measure the stability of a dictionary's features across replicas and log its means in MLflow; return them."""
    keys = measure_stability(dictionary, replicas, settings, progress)
    rows = polars.concat(read_staged(key, settings)["dictionary_stability"] for key in keys)
    metrics = rows.select(polars.mean("stability", "stability_random")).row(0, named=True)
    log_findings(dictionary, "seeds", metrics, settings)
    return metrics


def metrics_of(dictionary: str, settings: Settings) -> dict[str, str]:
    """Return a dictionary's figures for a summary: metrics on the test split and the training time."""
    metrics = read_metrics(dictionary, settings)
    return {
        "fraction of variance unexplained": f"{metrics['fvu']:.3f}",
        "active features per row (L0)": f"{metrics['l0']:.1f}",
        "features inactive on all test rows": f"{metrics['dead_fraction']:.1%} (rows: {metrics['rows']:,.0f})",
        "training time": f"{metrics['train_seconds']:.0f} s",
    }
