"""The configuration of a benchmark: on which images dictionaries are scored, and how."""

from pydantic import Field

from tasks.config import Config, NameOrFolder, Seed, Whole
from tasks.vision.images import ImagesConfig
from tasks.vision.names import NetworkName

PATTERNS_DOMAIN = "patterns"


class ScoringConfig(Config):
    """The images and what is measured on them. Scores compare only under the same configuration and images."""

    images: ImagesConfig = Field(
        ImagesConfig(),
        description="photographs, in a folder for each class, labelled, or named WORDNET-ID_CLASS; a cut of "
        "scikit-image's has its photograph as its class",
    )
    groups: dict[str, tuple[str, ...]] = Field(
        {},
        description="classes by group, such as {instruments = ['drum', 'harp', 'flute']}: the probes tell groups "
        "apart, and absorption is measured within each; default: the probes tell classes apart, and all are one group",
    )
    domains: tuple[NameOrFolder, ...] = Field(
        (PATTERNS_DOMAIN,),
        description="other domains to test on: patterns, which are drawn, or folders of images with a folder for each "
        "class; none: cross-domain isn't measured",
    )
    pattern_images: Whole = Field(20, ge=5, description="number of images of each drawn pattern")
    evaluator: NetworkName = Field(
        "efficientnet_lite1", description="network that judges monosemanticity; not the dictionaries' own"
    )
    positions: Whole = Field(
        14, ge=3, description="largest number of a layer's positions along an axis; of more, every second, third, …"
    )
    least_images: Whole = Field(
        50, ge=1, description="number of images in which a feature needs a Moran's I to count for localisation"
    )
    seed: Seed = Field(42, description="random seed of the probes' train and test images")
