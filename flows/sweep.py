"""Flow `sweep`: train and compare several dictionaries; those with the same stream of rows share one pass over it."""

from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar

from pydantic import Field, ValidationInfo, field_validator, model_validator

from flows.config import each_over
from flows.extract import extract_set
from flows.steps import Summary, kaleidoscope_flow, recorded, reported, show, step
from flows.symmetry import draw_and_match
from flows.train import check_transformations, file_dictionary, match
from tasks.activations.plan import ExtractionConfig
from tasks.config import Config
from tasks.dictionary import train as training
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.rows import STREAM_FIELDS
from tasks.dictionary.store import dictionary_config, load_dictionary, read_metrics, read_table
from tasks.keys import content_key
from tasks.report.figures.dictionaries import pareto
from tasks.settings import Settings
from tasks.tracking.runs import study_run

VERSION = 1
T = TypeVar("T")


class SweepConfig(Config):
    """The configuration of the flow."""

    extraction: ExtractionConfig = Field(
        ExtractionConfig(), description="extraction of the activation set; skipped if the set exists"
    )
    dictionary: DictionaryConfig = Field(DictionaryConfig(), description="values that the variants have in common")
    variants: tuple[DictionaryConfig, ...] = Field(
        ({"k": 4}, {"k": 8}, {"k": 16}, {"k": 32}),
        min_length=1,
        validate_default=True,
        description="the dictionaries to train; each lists the fields in which it differs from `dictionary`, "
        "for example [{k = 8}, {method = 'relu'}]",
    )

    @field_validator("variants", mode="before")
    @classmethod
    def _over_what_is_common(cls, variants: Any, info: ValidationInfo) -> Any:
        return each_over(info.data.get("dictionary"), variants)

    @model_validator(mode="after")
    def _fits_the_transformations(self) -> "SweepConfig":
        check_transformations(self.extraction, *self.variants)
        return self


@kaleidoscope_flow
def sweep(config: SweepConfig = SweepConfig()) -> Summary:
    """Train several dictionaries together, analyse and register each, and plot FVU against L0 in MLflow.

    Variants with another stream of rows get a pass of their own. If variants differ only in their seed, the stability
    of the first one's features is measured. A variant that diverges is reported at the end; the others finish.

    Args:
        config: the extraction and the dictionaries
    """
    settings = Settings()
    with recorded("sweep", config, settings) as measured:
        activation_set = extract_set(config.extraction, settings)
        outcome: dict[str, str | None] = {}
        by_stream = grouped(config.variants, lambda variant: tuple(getattr(variant, field) for field in STREAM_FIELDS))
        for variants in by_stream:
            with reported(f"Train {len(variants)} dictionaries") as progress:
                outcome |= step(train_together)(activation_set, variants, settings, progress)
        key = content_key("sweep", VERSION, dictionaries=sorted(outcome))
        finished = [dictionary for dictionary, failure in outcome.items() if failure is None]
        failures = {dictionary: failure for dictionary, failure in outcome.items() if failure is not None}
        experiment = f"{config.extraction.network}/{config.extraction.layer}"
        title = f"{config.extraction.network} {config.extraction.layer} · sweep of {len(outcome)} dictionaries"
        with study_run("sweep", key, title, experiment, settings, {"activation_set": activation_set}) as run:
            for dictionary in finished:
                file_dictionary(dictionary, settings, parent=run.run_id)
            stability = stability_across_seeds(finished, settings)
            draw_and_match(tuple(finished), settings)
            run.log({"pareto": pareto(scores(finished, settings))} if finished else {}, failures)
    return show(
        Summary(
            title=f"Sweep over {len(outcome)} dictionaries of {config.extraction.network} {config.extraction.layer}",
            content_keys={label(dictionary, config.dictionary, settings): dictionary for dictionary in finished},
            figures={
                label(dictionary, config.dictionary, settings): ", ".join(
                    [*measures(dictionary, settings), *stability.get(dictionary, [])]
                )
                for dictionary in finished
            }
            | measured.figures(),
            places={"MLflow": settings.mlflow_tracking_uri} | measured.places,
            failures=failures,
        )
    )


def grouped(things: Iterable[T], key: Callable[[T], Hashable]) -> list[tuple[T, ...]]:
    """Group things by their key; the groups are in the order of their first things."""
    groups: dict[Hashable, list[T]] = {}
    for thing in things:
        groups.setdefault(key(thing), []).append(thing)
    return [tuple(group) for group in groups.values()]


def train_together(
    activation_set: str, configs: tuple[DictionaryConfig, ...], settings: Settings, progress
) -> dict[str, str | None]:
    """Train dictionaries on one pass; return {key: None, or the error message of one that diverged}."""
    outcome = training.train_together(activation_set, configs, settings, progress)
    return {key: None if failure is None else str(failure) for key, failure in outcome.items()}


def scores(dictionaries: list[str], settings: Settings) -> list[tuple[str, float, float]]:
    """Return (name, L0, FVU) of each dictionary on the test split."""
    metrics = [read_metrics(dictionary, settings) for dictionary in dictionaries]
    names = [dictionary_config(dictionary, settings).name for dictionary in dictionaries]
    return [(name, values["l0"], values["fvu"]) for name, values in zip(names, metrics, strict=True)]


def stability_across_seeds(dictionaries: list[str], settings: Settings) -> dict[str, list[str]]:
    """Measure the stability of dictionaries that differ only in their seed.

    Returns {the first dictionary of each such group: its stability for the summary}.
    """
    figures = {}
    for first, *replicas in grouped(
        dictionaries, lambda dictionary: dictionary_config(dictionary, settings).model_copy(update={"seed": 0})
    ):
        if replicas:
            with reported(f"Match {first[:8]} across seeds") as progress:
                metrics = step(match)(first, tuple(replicas), settings, progress)
            figures[first] = [f"stability {metrics['stability']:.2f} (random {metrics['stability_random']:.2f})"]
    return figures


def label(dictionary: str, common: DictionaryConfig, settings: Settings) -> str:
    """Return a variant's name, and the other fields in which it differs from `common`."""
    config = dictionary_config(dictionary, settings)
    others = config.model_dump(exclude={"architecture", "method"})
    differences = [f"{field} = {value}" for field, value in others.items() if value != getattr(common, field)]
    return ", ".join([config.name, *differences])


def measures(dictionary: str, settings: Settings) -> list[str]:
    """Return a variant's figures for the summary: metrics on the test split, training time and size."""
    metrics, trained = read_metrics(dictionary, settings), load_dictionary(dictionary, settings)
    worst = read_table(dictionary, "block_fvu", settings).select("fvu").max().item()
    return [
        f"FVU {metrics['fvu']:.3f}" + (f" (worst block {worst:.3f})" if trained.is_crosscoder else ""),
        f"L0 {metrics['l0']:.1f}",
        f"{metrics['dead_fraction']:.1%} of the features inactive on all {metrics['rows']:,.0f} test rows",
        f"trained in {metrics['train_seconds']:.0f} s",
        f"{sum(parameter.numel() for parameter in trained.parameters()):,} parameters",
    ]
