"""Flow `sweep`: several dictionaries on one pass over the rows, compared."""

from typing import Any

from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from flows.extract import SHARDS_AT_ONCE, extract_set
from flows.steps import Summary, kaleidoscope_flow, recorded, reported, show, step
from flows.train import file_dictionary
from tasks.activations.plan import ExtractionConfig
from tasks.dictionary import train as training
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.store import config_of
from tasks.keys import content_key
from tasks.report.figures import pareto
from tasks.settings import Settings
from tasks.tracking.runs import sweep_run, test_metrics

VERSION = 1


class SweepConfig(BaseModel):
    """Which rows, which dictionaries."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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


@kaleidoscope_flow(task_runner=ThreadPoolTaskRunner(max_workers=SHARDS_AT_ONCE))
def sweep(config: SweepConfig = SweepConfig()) -> Summary:
    """Train several dictionaries side by side, analyse and register each, and plot FVU against L0 in MLflow.

    One that diverges is named at the end; the others finish.

    Args:
        config: which activations, which dictionaries
    """
    settings = Settings()
    with recorded("sweep", config, settings) as measured:
        activation_set = extract_set(config.extraction, settings)
        with reported(f"Train {len(config.variants)} dictionaries") as progress:
            outcome = step(train_together)(activation_set, config.variants, settings, progress)
        key = content_key("sweep", VERSION, dictionaries=sorted(outcome))
        finished = [dictionary for dictionary, failure in outcome.items() if failure is None]
        failures = {dictionary[:8]: failure for dictionary, failure in outcome.items() if failure is not None}
        with sweep_run(key, activation_set, settings) as run:
            for dictionary in finished:
                file_dictionary(dictionary, settings, parent=run.run_id)
            run.log({"pareto": pareto(scores(finished, settings))} if finished else {}, failures)
    return show(
        Summary(
            title=f"Sweep over {len(outcome)} dictionaries of {config.extraction.network} {config.extraction.layer}",
            made={f"dictionary {dictionary[:8]}": dictionary for dictionary in finished},
            figures={
                f"{label} ({dictionary[:8]})": f"FVU {fvu:.3f} at L0 {l0:.1f}"
                for dictionary, (label, l0, fvu) in zip(finished, scores(finished, settings), strict=True)
            }
            | measured.figures(),
            where={"MLflow": settings.mlflow_tracking_uri},
            failures=failures,
        )
    )


def train_together(
    activation_set: str, configs: tuple[DictionaryConfig, ...], settings: Settings, progress
) -> dict[str, str | None]:
    """Step of the flow; {dictionary: None, or why it failed}."""
    outcome = training.train_together(activation_set, configs, settings, progress)
    return {key: None if failure is None else str(failure) for key, failure in outcome.items()}


def scores(dictionaries: list[str], settings: Settings) -> list[tuple[str, float, float]]:
    """(name, L0, FVU) of each on the test split."""
    metrics = [test_metrics(dictionary, settings) for dictionary in dictionaries]
    names = [config_of(dictionary, settings).name for dictionary in dictionaries]
    return [(name, each["l0"], each["fvu"]) for name, each in zip(names, metrics, strict=True)]
