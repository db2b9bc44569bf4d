"""Flow `demo`: every study on networks that come with the package, in small sizes. The page grows with each study."""

from functools import partial
from typing import Any, cast

from pydantic import Field, ValidationInfo, field_validator

from flows.atlas import AtlasConfig, atlas
from flows.attack import AttackFlowConfig, attack
from flows.concepts import concepts
from flows.config import over
from flows.early_vision import EarlyVisionConfig, early_vision
from flows.steps import Summary, kaleidoscope_flow, show, side_by_side
from flows.tuning import TuningConfig, tuning
from tasks.concepts.config import AttackGrid, ConceptsConfig
from tasks.concepts.facet_study import FacetStudyConfig
from tasks.config import Config
from tasks.dictionary.config import DictionaryConfig
from tasks.vision.images import ImagesConfig


class DemoConfig(Config):
    """The configuration of the flow: that of each study's flow."""

    tuning: TuningConfig = Field(
        TuningConfig(methods=("pca", "kernel-pca", "neurons", "random"), sources=("gratings",), rendered=0),
        description="tuning dimensions of a bank of Gabor filters, whose true parameters are known",
    )
    early_vision: EarlyVisionConfig = Field(
        EarlyVisionConfig(), description="sparse autoencoders on early layers, and curve detectors"
    )
    atlas: AtlasConfig = Field(
        AtlasConfig(crosscoder=DictionaryConfig(steps=500)), description="symmetries and families of features"
    )
    concepts: ConceptsConfig = Field(ConceptsConfig(), description="concepts that matter for a class")
    attack: AttackFlowConfig = Field(
        AttackFlowConfig(
            drawn=8,
            random=ImagesConfig(sources=("dead-leaves",), scenes=80),
            random_size=8,
            grid=AttackGrid(epsilons=(8,), fractions=(1.0,), steps=4),
            facets=FacetStudyConfig(),
        ),
        description="attack on a concept; the features of the atlas's sparse autoencoder are tested for evidence of it",
    )

    @field_validator("*", mode="before")
    @classmethod
    def _over_the_demo(cls, value: Any, info: ValidationInfo) -> Any:
        return over(cls.model_fields[cast(str, info.field_name)].default, value)  # None only outside a model


@kaleidoscope_flow
def demo(config: DemoConfig = DemoConfig()) -> Summary:
    """Run every study in a small size and publish after each: tuning dimensions, curves, symmetry, concepts, attack.

    Args:
        config: the configuration of each study's flow
    """

    def others() -> tuple[Summary, ...]:
        # the shortest comes first, so that there is soon a page to look at
        return tuning(config.tuning), early_vision(config.early_vision), concepts(config.concepts)

    symmetry, (tuned, seen, tested) = side_by_side(partial(atlas, config.atlas), others)
    summaries = {"tuning": tuned, "early vision": seen, "atlas": symmetry, "concepts": tested}
    dictionaries = (*config.attack.dictionaries, symmetry.content_keys["SAE"])
    summaries["attack"] = attack(config.attack.model_copy(update={"dictionaries": dictionaries}))
    return show(
        Summary(
            title="Demo: every study",
            content_keys=_joined(summaries, "content_keys"),
            figures=_joined(summaries, "figures"),
            places=summaries["attack"].places,
            missing=summaries["attack"].missing,  # an earlier publication may lack rows of the study beside it
            failures=_joined(summaries, "failures"),
        )
    )


def _joined(summaries: dict[str, Summary], part: str) -> dict[str, str]:
    return {
        f"{study}: {name}": value
        for study, summary in summaries.items()
        for name, value in getattr(summary, part).items()
    }
