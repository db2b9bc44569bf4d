"""Flow `atlas`: from images to the published page."""

from functools import partial
from typing import Any, cast

from pydantic import Field, ValidationInfo, field_validator, model_validator

from flows.config import over
from flows.extract import extract_set
from flows.publish import PublishConfig, publish_staged
from flows.steps import Summary, kaleidoscope_flow, recorded, reported, show, side_by_side, step
from flows.symmetry import ablate, draw_and_match, families_of, predict_orbits, types_of
from flows.train import check_transformations, metrics_of, stability_of, train_dictionary
from tasks.activations.plan import ExtractionConfig
from tasks.config import Config, Whole
from tasks.dictionary.config import DictionaryConfig
from tasks.families.config import FamiliesConfig
from tasks.settings import Settings
from tasks.tuning.pictures import visualise_features


class AtlasConfig(Config):
    """The configuration of the flow. The defaults need no files of yours."""

    extraction: ExtractionConfig = Field(ExtractionConfig(), description="extraction of the activation set")
    sae: DictionaryConfig = Field(
        DictionaryConfig(architecture="sae"), description="training of the sparse autoencoder"
    )
    crosscoder: DictionaryConfig = Field(DictionaryConfig(), description="training of the group crosscoder")
    replicas: int = Field(
        1,
        ge=0,
        le=10,
        description="number of further trainings of each dictionary with other seeds, to measure the stability of "
        "features and the spread of scores",
    )
    families: FamiliesConfig = Field(FamiliesConfig(), description="grouping of features into families")
    visualised: Whole = Field(
        12,
        ge=0,
        description="number of features of the group crosscoder to optimise images for; "
        "the most confident of each symmetry type first",
    )
    ablated: Whole = Field(
        4,
        ge=0,
        description="number of features of each dictionary whose ablation's effect on the logits is measured; "
        "of the group crosscoder the most confident of each symmetry type first, of the SAE the densest",
    )
    predictor_steps: Whole = Field(
        0,
        ge=0,
        description="training steps of a neural network that predicts the activations under all transforms from the "
        "identity block: a floor for the group crosscoder's FVU. With more than 0 steps, the floors of codes that read "
        "all blocks are measured too; 0: only the floors of linear predictions",
    )

    @field_validator("extraction", "sae", "crosscoder", mode="before")
    @classmethod
    def _over_the_demo(cls, value: Any, info: ValidationInfo) -> Any:
        return over(cls.model_fields[cast(str, info.field_name)].default, value)  # None only outside a model

    @model_validator(mode="after")
    def _fits_the_transformations(self) -> "AtlasConfig":
        check_transformations(self.extraction, self.crosscoder)
        return self


@kaleidoscope_flow
def atlas(config: AtlasConfig = AtlasConfig()) -> Summary:
    """Extract activations, train an SAE and a group crosscoder, find symmetries and families, and publish the page.

    Args:
        config: the extraction, the dictionaries and the grouping into families
    """
    settings = Settings()
    with recorded("atlas", config, settings) as measured:
        activation_set = extract_set(config.extraction, settings)
        (sae, _), (crosscoder, analysis) = side_by_side(
            partial(train_dictionary, activation_set, config.sae, settings),
            partial(train_dictionary, activation_set, config.crosscoder, settings),
        )
        for dictionary in (sae, crosscoder):
            predict_orbits(dictionary, config.predictor_steps, settings)
        if config.visualised:
            with reported("Visualise features") as progress:
                step(visualise_features)(crosscoder, analysis, config.visualised, settings, progress)
        families = {}
        both = {"SAE": sae, "group crosscoder": crosscoder}
        trainings = [partial(stability_of, dictionary, config.replicas, settings) for dictionary in both.values()]
        replicas = side_by_side(*trainings) if config.replicas else ((), ())
        for (name, dictionary), of_dictionary in zip(both.items(), replicas, strict=True):
            families[name] = families_of(dictionary, of_dictionary, config.families, settings)
            ablate(dictionary, config.ablated, settings)
        draw_and_match((sae, crosscoder), settings)
    published = publish_staged(PublishConfig(), settings)
    return show(
        Summary(
            title=f"Atlas of {config.extraction.network} {config.extraction.layer}",
            content_keys={"activation set": activation_set, "SAE": sae, "group crosscoder": crosscoder},
            figures={f"SAE: {name}": value for name, value in metrics_of(sae, settings).items()}
            | {f"group crosscoder: {name}": value for name, value in metrics_of(crosscoder, settings).items()}
            | types_of(analysis, settings)
            | {f"{name}: {metric}": value for name, metrics in families.items() for metric, value in metrics.items()}
            | measured.figures(),
            places=published.places | measured.places,
            missing=published.missing,
        )
    )
