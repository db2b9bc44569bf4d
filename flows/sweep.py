"""Flow `sweep`: several dictionaries compared; those that ask for the same rows train on one pass over them."""

from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar

from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field, ValidationInfo, field_validator, model_validator

from flows.extract import SHARDS_AT_ONCE, extract_set
from flows.steps import Summary, kaleidoscope_flow, recorded, reported, show, step
from flows.train import check_harmonics, file_dictionary, match
from tasks.activations.plan import ExtractionConfig
from tasks.config import Config
from tasks.dictionary import train as training
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.rows import STREAM_FIELDS
from tasks.dictionary.store import dictionary_config, load_dictionary, read_metrics, read_table
from tasks.keys import content_key
from tasks.report.figures import pareto
from tasks.settings import Settings
from tasks.tracking.runs import study_run

VERSION = 1
T = TypeVar("T")


class SweepConfig(Config):
    """Which rows, which dictionaries."""

    extraction: ExtractionConfig = Field(
        ExtractionConfig(), description="the activation set; extracted first where it isn't there"
    )
    dictionary: DictionaryConfig = Field(DictionaryConfig(), description="what the variants have in common")
    variants: tuple[DictionaryConfig, ...] = Field(
        ({"k": 4}, {"k": 8}, {"k": 16}, {"k": 32}),
        min_length=1,
        validate_default=True,
        description="the dictionaries: each names the fields in which it differs, as in [{k = 8}, {method = 'relu'}]",
    )

    @field_validator("variants", mode="before")
    @classmethod
    def _over_what_is_common(cls, variants: Any, info: ValidationInfo) -> Any:
        common = info.data.get("dictionary")
        if common is None or not isinstance(variants, list | tuple):
            return variants
        return [dict(common) | variant if isinstance(variant, dict) else variant for variant in variants]

    @model_validator(mode="after")
    def _harmonics_fit(self) -> "SweepConfig":
        check_harmonics(self.extraction, *self.variants)
        return self


@kaleidoscope_flow(task_runner=ThreadPoolTaskRunner(max_workers=SHARDS_AT_ONCE))
def sweep(config: SweepConfig = SweepConfig()) -> Summary:
    """Train several dictionaries side by side, analyse and register each, and plot FVU against L0 in MLflow.

    Variants that take their rows in another order, or other rows, have a pass of their own. Of variants that differ in
    their seed alone the first is told how stable its features are. One that diverges is named at the end; the others
    finish.

    Args:
        config: which activations, which dictionaries
    """
    settings = Settings()
    with recorded("sweep", config, settings) as measured:
        activation_set = extract_set(config.extraction, settings)
        outcome = {}
        for variants in alike(config.variants, lambda each: tuple(getattr(each, field) for field in STREAM_FIELDS)):
            with reported(f"Train {len(variants)} dictionaries") as progress:
                outcome |= step(train_together)(activation_set, variants, settings, progress)
        key = content_key("sweep", VERSION, dictionaries=sorted(outcome))
        finished = [dictionary for dictionary, failure in outcome.items() if failure is None]
        failures = {dictionary[:8]: failure for dictionary, failure in outcome.items() if failure is not None}
        experiment = f"{config.extraction.network}/{config.extraction.layer}"
        with study_run("sweep", key, experiment, settings, {"activation_set": activation_set}) as run:
            for dictionary in finished:
                file_dictionary(dictionary, settings, parent=run.run_id)
            stability = stability_across_seeds(finished, settings)
            run.log({"pareto": pareto(scores(finished, settings))} if finished else {}, failures)
    return show(
        Summary(
            title=f"Sweep over {len(outcome)} dictionaries of {config.extraction.network} {config.extraction.layer}",
            made={f"dictionary {dictionary[:8]}": dictionary for dictionary in finished},
            figures={
                f"{label(dictionary, config.dictionary, settings)} ({dictionary[:8]})": ", ".join(
                    [*measures(dictionary, settings), *stability.get(dictionary, [])]
                )
                for dictionary in finished
            }
            | measured.figures(),
            where={"MLflow": settings.mlflow_tracking_uri},
            failures=failures,
        )
    )


def alike(things: Iterable[T], key: Callable[[T], Hashable]) -> list[tuple[T, ...]]:
    """Things grouped by their key, in the order in which the first of each group stands."""
    groups = {}
    for thing in things:
        groups.setdefault(key(thing), []).append(thing)
    return [tuple(group) for group in groups.values()]


def train_together(
    activation_set: str, configs: tuple[DictionaryConfig, ...], settings: Settings, progress
) -> dict[str, str | None]:
    """Step of the flow; {dictionary: None, or why it failed}."""
    outcome = training.train_together(activation_set, configs, settings, progress)
    return {key: None if failure is None else str(failure) for key, failure in outcome.items()}


def scores(dictionaries: list[str], settings: Settings) -> list[tuple[str, float, float]]:
    """(name, L0, FVU) of each on the test split."""
    metrics = [read_metrics(dictionary, settings) for dictionary in dictionaries]
    names = [dictionary_config(dictionary, settings).name for dictionary in dictionaries]
    return [(name, each["l0"], each["fvu"]) for name, each in zip(names, metrics, strict=True)]


def stability_across_seeds(dictionaries: list[str], settings: Settings) -> dict[str, list[str]]:
    """Steps of the flow: match those that differ in seed alone; {the first of them: what a summary says of it}."""
    said = {}
    for first, *replicas in alike(
        dictionaries, lambda each: dictionary_config(each, settings).model_copy(update={"seed": 0})
    ):
        if replicas:
            with reported(f"Match {first[:8]} across seeds") as progress:
                found = step(match)(first, tuple(replicas), settings, progress)
            said[first] = [f"stability {found['stability']:.2f} (random {found['stability_random']:.2f})"]
    return said


def label(dictionary: str, common: DictionaryConfig, settings: Settings) -> str:
    """A variant's name, and the other fields in which it differs from what is common to all."""
    config = dictionary_config(dictionary, settings)
    others = config.model_dump(exclude={"architecture", "method"})
    differs = [f"{field} = {value}" for field, value in others.items() if value != getattr(common, field)]
    return ", ".join([config.name, *differs])


def measures(dictionary: str, settings: Settings) -> list[str]:
    """What a summary says of a variant, from the test split."""
    metrics, trained = read_metrics(dictionary, settings), load_dictionary(dictionary, settings)
    worst = read_table(dictionary, "block_fvu", settings)["fvu"].max()
    return [
        f"FVU {metrics['fvu']:.3f}" + (f" (worst block {worst:.3f})" if trained.is_crosscoder else ""),
        f"L0 {metrics['l0']:.1f}",
        f"dead {metrics['dead_fraction']:.1%}",
        f"trained in {metrics['train_seconds']:.0f} s",
        f"{sum(parameter.numel() for parameter in trained.parameters()):,} parameters",
    ]
