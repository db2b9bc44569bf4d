"""Flow `atlas`: the whole way from images to the page."""

from typing import Any

from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field, ValidationInfo, field_validator, model_validator

from flows.config import over
from flows.extract import SHARDS_AT_ONCE, extract_set
from flows.publish import PublishConfig, publish_staged
from flows.steps import Summary, kaleidoscope_flow, recorded, reported, show, step
from flows.symmetry import families_of, types_of
from flows.train import check_harmonics, metrics_of, stability_of, train_dictionary
from tasks.activations.plan import ExtractionConfig
from tasks.config import Config, Whole
from tasks.dictionary.config import DictionaryConfig
from tasks.families.config import FamiliesConfig
from tasks.settings import Settings
from tasks.tuning.pictures import visualise_features


class AtlasConfig(Config):
    """Which rows, which dictionaries. The defaults are the demo."""

    extraction: ExtractionConfig = Field(ExtractionConfig(), description="the activation set")
    sae: DictionaryConfig = Field(DictionaryConfig(architecture="sae"), description="the sparse autoencoder")
    crosscoder: DictionaryConfig = Field(DictionaryConfig(), description="the group crosscoder")
    replicas: int = Field(
        1, ge=0, le=10, description="further trainings of each from other seeds, to see what is stable and what spreads"
    )
    families: FamiliesConfig = Field(FamiliesConfig(), description="how features are grouped into families")
    visualised: Whole = Field(
        12, ge=0, description="features of the group crosscoder to optimise images for: those to look at first"
    )

    @field_validator("extraction", "sae", "crosscoder", mode="before")
    @classmethod
    def _over_the_demo(cls, value: Any, info: ValidationInfo) -> Any:
        return over(cls.model_fields[info.field_name].default, value)

    @model_validator(mode="after")
    def _harmonics_fit(self) -> "AtlasConfig":
        check_harmonics(self.extraction, self.crosscoder)
        return self


@kaleidoscope_flow(task_runner=ThreadPoolTaskRunner(max_workers=SHARDS_AT_ONCE))
def atlas(config: AtlasConfig = AtlasConfig()) -> Summary:
    """Extract activations, train an SAE and a group crosscoder, read symmetries, find families, publish the page.

    Args:
        config: which activations, which dictionaries
    """
    settings = Settings()
    with recorded("atlas", config, settings) as measured:
        activation_set = extract_set(config.extraction, settings)
        sae, _ = train_dictionary(activation_set, config.sae, settings)
        crosscoder, analysis = train_dictionary(activation_set, config.crosscoder, settings)
        if config.visualised:
            with reported("Visualise features") as progress:
                step(visualise_features)(crosscoder, analysis, config.visualised, settings, progress)
        families = {}
        for name, dictionary in (("SAE", sae), ("group crosscoder", crosscoder)):
            replicas = stability_of(dictionary, config.replicas, settings) if config.replicas else ()
            families[name] = families_of(dictionary, replicas, config.families, settings)
    published = publish_staged(PublishConfig(), settings)
    return show(
        Summary(
            title=f"Atlas of {config.extraction.network} {config.extraction.layer}",
            made={"activation set": activation_set, "SAE": sae, "group crosscoder": crosscoder},
            figures={f"SAE: {name}": value for name, value in metrics_of(sae, settings).items()}
            | {f"group crosscoder: {name}": value for name, value in metrics_of(crosscoder, settings).items()}
            | types_of(analysis, settings)
            | {f"{name}: {what}": value for name, found in families.items() for what, value in found.items()}
            | measured.figures(),
            where=published.where,
            missing=published.missing,
        )
    )
