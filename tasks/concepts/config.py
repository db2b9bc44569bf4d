"""Which concepts are tested for which classes: Prefect's form and the console's options are this object."""

from pydantic import Field

from tasks.concepts.cav import CavConfig
from tasks.concepts.perturbed_sets import AttackGrid
from tasks.config import Config, Folder, NameOrFolder, Seed, Whole
from tasks.vision.images import ImagesConfig


class ClassImages(Config):
    """A class of the network, and photographs of it."""

    name: str = Field(description="name or number of the class, as the network has it")
    folder: Folder | None = Field(
        None, description="photographs of it; default: cuts of the photographs that ship with scikit-image"
    )
    least_probability: float = Field(
        0.2, ge=0, lt=1, description="photographs that the network gives the class no more than this are left out"
    )


class ConceptsConfig(Config):
    """TCAV: concepts × classes × layers of one network, tested together. The defaults need no photographs."""

    network: str = Field("efficientnet_lite0", description="network, by name")
    layers: tuple[str, ...] = Field(("block10_expand",), min_length=1, description="layers, by name")
    concepts: tuple[NameOrFolder, ...] = Field(
        ("stripes", "dots", "checks"),
        min_length=1,
        description="folders of exemplars, or what is drawn: stripes, dots, honeycombs, zigzags, checks",
    )
    drawn: Whole = Field(24, ge=2, description="exemplars of a drawn concept")
    classes: tuple[ClassImages, ...] = Field((ClassImages(name="Egyptian cat"),), min_length=1, description="classes")
    random: ImagesConfig = Field(
        ImagesConfig(sources=("dead-leaves",), scenes=120), description="pool that random sets are drawn from"
    )
    random_sets: Whole = Field(10, ge=3, description="random sets; fewer than 10 make a weak test")
    random_size: Whole = Field(12, ge=2, description="images of a random set")
    cav: CavConfig = Field(CavConfig(), description="how vectors are found")
    seed: Seed = Field(0, description="draws concepts and random sets")


class TransferTarget(Config):
    """Where activations are read."""

    network: str = Field(description="network, by name")
    layer: str = Field(description="layer, by name")


class AttackExperimentConfig(Config):
    """One story: a concept, a class, the layer where the exemplars are attacked. The defaults need no photographs."""

    network: str = Field("efficientnet_lite0", description="network, by name")
    layer: str = Field("block10_expand", description="layer at which the exemplars are attacked, by name")
    concept: NameOrFolder = Field(
        "checks", description="folder of exemplars, or what is drawn: stripes, dots, honeycombs, zigzags, checks"
    )
    drawn: Whole = Field(12, ge=2, description="exemplars of a drawn concept")
    of_class: ClassImages = Field(ClassImages(name="Egyptian cat"), description="class")
    grid: AttackGrid = Field(AttackGrid(), description="how the exemplars are pushed")
    transfer_targets: tuple[TransferTarget, ...] = Field(
        (TransferTarget(network="efficientnet_lite0", layer="block8_expand"),),
        description="where else the attacked sets are read; of the largest fraction",
    )
    dictionaries: tuple[str, ...] = Field(
        (), description="keys of trained sparse autoencoders that are asked whether they notice"
    )
    random: ImagesConfig = Field(
        ImagesConfig(sources=("dead-leaves",), scenes=120), description="pool that random sets are drawn from"
    )
    random_sets: Whole = Field(10, ge=3, description="random sets; of many attacks 20 are needed to tell anything")
    random_size: Whole = Field(12, ge=2, description="images of a random set")
    cav: CavConfig = Field(CavConfig(), description="how vectors are found")
    seed: Seed = Field(0, description="draws the concept and the random sets")

    @property
    def tested(self) -> ConceptsConfig:
        """The test of the clean exemplars."""
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
