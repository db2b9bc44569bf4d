"""Flow `train`: a dictionary for an activation set, tracked and registered in MLflow."""

from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field, model_validator

from flows.extract import SHARDS_AT_ONCE, extract_set
from flows.steps import Summary, kaleidoscope_flow, recorded, reported, show, step
from flows.symmetry import analyse_dictionary
from tasks.activations.plan import ExtractionConfig
from tasks.activations.shards import ActivationSet
from tasks.config import MOST, Config
from tasks.dictionary import train as training
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.reconstruction_loss import measure_splicing
from tasks.dictionary.stability import measure_stability
from tasks.dictionary.store import describe, dictionary_config, read_metrics
from tasks.errors import UserError
from tasks.report.figures import dictionary_figures
from tasks.settings import Settings
from tasks.staging import read_staged
from tasks.symmetry.fourier import fourier_basis
from tasks.symmetry.group import DihedralGroup
from tasks.tracking.registry import register
from tasks.tracking.runs import log_findings, log_training


class TrainConfig(Config):
    """Which rows, which dictionary."""

    extraction: ExtractionConfig = Field(
        ExtractionConfig(), description="the activation set; extracted first where it isn't there"
    )
    dictionary: DictionaryConfig = Field(DictionaryConfig(), description="the dictionary")

    @model_validator(mode="after")
    def _harmonics_fit(self) -> "TrainConfig":
        check_harmonics(self.extraction, self.dictionary)
        return self


def check_harmonics(extraction: ExtractionConfig, *dictionaries: DictionaryConfig) -> None:
    """Before an hour of extraction: ValueError for more harmonics than the group's rotations can show."""
    group = DihedralGroup(extraction.n_rotations, extraction.reflections)
    for dictionary in dictionaries:
        if dictionary.harmonics is not None:
            try:
                fourier_basis(group, dictionary.harmonics)
            except UserError as error:
                raise ValueError(str(error)) from None


@kaleidoscope_flow(task_runner=ThreadPoolTaskRunner(max_workers=SHARDS_AT_ONCE))
def train(config: TrainConfig = TrainConfig()) -> Summary:
    """Train a dictionary, analyse its features, log the training in MLflow and register the model as a candidate.

    Args:
        config: which activations, which dictionary
    """
    settings = Settings()
    with recorded("train", config, settings) as measured:
        dictionary, _ = train_dictionary(extract_set(config.extraction, settings), config.dictionary, settings)
    return show(
        Summary(
            title=f"{config.dictionary.name} on {config.extraction.network} {config.extraction.layer}",
            made={"dictionary": dictionary},
            figures=metrics_of(dictionary, settings) | measured.figures(),
            where={"dictionary": str(settings.dictionaries_dir / dictionary), "MLflow": settings.mlflow_tracking_uri},
        )
    )


def train_dictionary(activation_set: str, config: DictionaryConfig, settings: Settings) -> tuple[str, str]:
    """Steps of the flow after the extraction; returns the keys of the dictionary and of its analysis."""
    with reported(f"Train {config.name}") as progress:
        dictionary = step(training.train)(activation_set, config, settings, progress)
    return dictionary, file_dictionary(dictionary, settings)


def file_dictionary(dictionary: str, settings: Settings, parent: str | None = None) -> str:
    """Analyse a trained dictionary, log it (nested under an MLflow run), register it; returns the analysis's key."""
    analysis = analyse_dictionary(dictionary, settings)
    run = step(log)(dictionary, analysis, settings, parent)
    step(register)(dictionary, run, settings)
    if not dictionary_config(dictionary, settings).reads_all_blocks:
        with reported(f"Splice {dictionary[:8]}") as progress:
            step(splice)(dictionary, settings, progress)
    return analysis


def splice(dictionary: str, settings: Settings, progress) -> None:
    """Measure what the network makes of the reconstruction, and tell MLflow."""
    key = measure_splicing(dictionary, settings, progress)
    log_findings(dictionary, metrics_in(key, settings), settings)


def metrics_in(tables: str, settings: Settings) -> dict[str, float]:
    """The rows of `dictionary_metrics` that a stage made."""
    return dict(read_staged(tables, settings)["dictionary_metrics"].select("metric", "value").iter_rows())


def log(dictionary: str, analysis: str, settings: Settings, parent: str | None) -> str:
    """Record a training in MLflow with the figures of its analysis; returns the run's id."""
    group = ActivationSet.open(describe(dictionary, settings)["activation_set"], settings).group
    return log_training(dictionary, settings, dictionary_figures(read_staged(analysis, settings), group), parent)


def stability_of(dictionary: str, replicas: int, settings: Settings) -> tuple[str, ...]:
    """Train a dictionary's config again from the next seeds, stage how far the features agree; returns the new keys."""
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
    """The seeds after one; after the largest comes 0."""
    return [(seed + place) % (MOST + 1) for place in range(1, count + 1)]


def match(dictionary: str, replicas: tuple[str, ...], settings: Settings, progress) -> dict[str, float]:
    """Measure how far the features agree, and tell MLflow; returns the metrics."""
    metrics = metrics_in(measure_stability(dictionary, replicas, settings, progress), settings)
    log_findings(dictionary, metrics, settings)
    return metrics


def metrics_of(dictionary: str, settings: Settings) -> dict[str, str]:
    """The figures that a summary shows, from the test split."""
    metrics = read_metrics(dictionary, settings)
    return {
        "fraction of variance unexplained": f"{metrics['fvu']:.3f}",
        "active features per row (L0)": f"{metrics['l0']:.1f}",
        "dead features": f"{metrics['dead_fraction']:.1%}",
        "training time": f"{metrics['train_seconds']:.0f} s",
    }
