"""Flow `train`: a dictionary for an activation set, tracked and registered in MLflow."""

from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import BaseModel, ConfigDict, Field

from flows.extract import SHARDS_AT_ONCE, extract_set
from flows.steps import Summary, kaleidoscope_flow, recorded, reported, show, step
from tasks.activations.plan import ExtractionConfig
from tasks.dictionary import train as training
from tasks.dictionary.config import DictionaryConfig
from tasks.settings import Settings
from tasks.tracking.registry import register
from tasks.tracking.runs import log_training, test_metrics


class TrainConfig(BaseModel):
    """Which rows, which dictionary."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    extraction: ExtractionConfig = Field(
        ExtractionConfig(), description="the activation set; extracted first where it isn't there"
    )
    dictionary: DictionaryConfig = Field(DictionaryConfig(), description="the dictionary")


@kaleidoscope_flow(task_runner=ThreadPoolTaskRunner(max_workers=SHARDS_AT_ONCE))
def train(config: TrainConfig = TrainConfig()) -> Summary:
    """Train a dictionary on an activation set, log the training in MLflow and register the model as a candidate.

    Args:
        config: which activations, which dictionary
    """
    settings = Settings()
    with recorded("train", config, settings) as measured:
        dictionary = train_dictionary(extract_set(config.extraction, settings), config.dictionary, settings)
    return show(
        Summary(
            title=f"{config.dictionary.method} on {config.extraction.network} {config.extraction.layer}",
            made={"dictionary": dictionary},
            figures=metrics_of(dictionary, settings) | measured.figures(),
            where={"dictionary": str(settings.dictionaries_dir / dictionary), "MLflow": settings.mlflow_tracking_uri},
        )
    )


def train_dictionary(activation_set: str, config: DictionaryConfig, settings: Settings) -> str:
    """Steps of the flow after the extraction; returns the dictionary's key."""
    with reported(f"Train {config.method}") as progress:
        dictionary = step(training.train)(activation_set, config, settings, progress)
    run = step(log_training)(dictionary, settings)
    step(register)(dictionary, run, settings)
    return dictionary


def metrics_of(dictionary: str, settings: Settings) -> dict[str, str]:
    """The figures that a summary shows, from the test split."""
    metrics = test_metrics(dictionary, settings)
    return {
        "fraction of variance unexplained": f"{metrics['fvu']:.3f}",
        "active features per row (L0)": f"{metrics['l0']:.1f}",
        "dead features": f"{metrics['dead_fraction']:.1%}",
        "training time": f"{metrics['train_seconds']:.0f} s",
    }
