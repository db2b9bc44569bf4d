"""Configurations of the flows `concepts` and `attack`; Prefect's form and the command line are made from them."""

from pydantic import Field

from tasks.concepts.cav import CavConfig
from tasks.concepts.perturbed_sets import AttackGrid
from tasks.config import Config, ImagesAddress, NameOrFolder, Seed, Whole
from tasks.vision.images import ImagesConfig


class ClassImages(Config):
    """A class of the network, and photographs of it."""

    name: str = Field(description="name, WordNet id or number of the class in the network")
    folder: ImagesAddress | None = Field(
        None,
        description="photographs of the class, as images.folder; those labelled as another class are left out; "
        "default: cuts of the photographs that ship with scikit-image",
    )
    least_probability: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="photographs to which the network gives the class no more than this probability are left out",
    )


class ConceptsConfig(Config):
    """TCAV: concepts × classes × layers of one network, tested together. The defaults need no photographs."""

    network: str = Field("efficientnet_lite0", description="name of the network")
    layers: tuple[str, ...] = Field(("block10_expand",), min_length=1, description="names of the layers")
    concepts: tuple[NameOrFolder, ...] = Field(
        ("stripes", "dots", "checks"),
        min_length=1,
        description="folders of exemplars, or names of synthetic patterns: stripes, dots, honeycombs, zigzags, checks",
    )
    drawn: Whole = Field(24, ge=2, description="number of exemplars of a synthetic pattern")
    classes: tuple[ClassImages, ...] = Field(
        (ClassImages(name="Egyptian cat"),), min_length=1, description="classes that the concepts are tested for"
    )
    random: ImagesConfig = Field(
        ImagesConfig(sources=("dead-leaves",), scenes=120), description="images that random sets are drawn from"
    )
    random_sets: Whole = Field(10, ge=3, description="number of random sets; fewer than 10 make a weak test")
    random_size: Whole = Field(12, ge=2, description="number of images in a random set")
    cav: CavConfig = Field(CavConfig(), description="how CAVs are fitted")
    seed: Seed = Field(0, description="seed that draws the patterns and the random sets")


class TransferTarget(Config):
    """A layer of a network at which perturbed sets are evaluated."""

    network: str = Field(description="name of the network")
    layer: str = Field(description="name of the layer")


class AttackExperimentConfig(Config):
    """An attack experiment: a concept, a class and the attacked layer. The defaults need no photographs."""

    network: str = Field("efficientnet_lite0", description="name of the network")
    layer: str = Field("block10_expand", description="name of the layer at which images are attacked")
    concept: NameOrFolder = Field(
        "checks",
        description="folder of exemplars, or name of a synthetic pattern: stripes, dots, honeycombs, zigzags, checks",
    )
    drawn: Whole = Field(12, ge=2, description="number of exemplars of a synthetic pattern")
    of_class: ClassImages = Field(ClassImages(name="Egyptian cat"), description="class that the concept is tested for")
    grid: AttackGrid = Field(AttackGrid(), description="attack grid: how images are perturbed")
    transfer_targets: tuple[TransferTarget, ...] = Field(
        (TransferTarget(network="efficientnet_lite0", layer="block8_expand"),),
        description="other networks and layers at which the perturbed sets of the largest fraction are evaluated",
    )
    dictionaries: tuple[str, ...] = Field(
        (), description="keys of trained sparse autoencoders whose features are tested for evidence of the attack"
    )
    random: ImagesConfig = Field(
        ImagesConfig(sources=("dead-leaves",), scenes=120), description="images that random sets are drawn from"
    )
    random_sets: Whole = Field(
        10, ge=3, description="number of random sets; with many attacks 20 are needed for significant results"
    )
    random_size: Whole = Field(12, ge=2, description="number of images in a random set")
    cav: CavConfig = Field(CavConfig(), description="how CAVs are fitted")
    seed: Seed = Field(0, description="seed that draws the pattern and the random sets")

    @property
    def tested(self) -> ConceptsConfig:
        """The TCAV config of the clean exemplars."""
        return ConceptsConfig(
            network=self.network,
            layers=(self.layer,),
            concepts=(self.concept,),
            drawn=self.drawn,
            classes=(self.of_class,),
            random=self.random,
            random_sets=self.random_sets,
            random_size=self.random_size,
            cav=self.cav,
            seed=self.seed,
        )
