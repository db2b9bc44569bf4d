"""Configurations of the flows `concepts` and `attack`; Prefect's form and the command line are made from them."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from tasks.concepts.names import Classifier, ObjectiveName, Pool
from tasks.concepts.synthetic_patterns import PATTERNS
from tasks.config import Config, ImagesAddress, NameOrFolder, Seed, Whole, choices, several_choices
from tasks.dictionary.keys import DictionaryKeys
from tasks.vision.images import ImagesConfig
from tasks.vision.names import LayerName, LayerNames, NetworkName

ConceptSource = Annotated[NameOrFolder, choices("synthetic pattern", PATTERNS, "folder")]
"""Exemplars of a concept: the name of a synthetic pattern, or a folder of images."""
ConceptSources = Annotated[tuple[NameOrFolder, ...], several_choices("synthetic patterns", PATTERNS, "folders")]


class CavConfig(Config):
    """How a CAV is fitted to the activations of a concept's exemplars and of random images."""

    classifier: Classifier = Field(
        "logistic", description="classifier whose normal is the CAV; sgd is the one of the original paper"
    )
    pool: Pool = Field(
        "mean", description="mean: activations averaged over positions; none: whole maps, as in the original paper"
    )
    penalty: float = Field(
        0.01, ge=1e-12, le=1e12, description="λ of logistic and sgd in mean loss + λ/2 ‖w‖²; 0.01 in the original paper"
    )
    held_out: float = Field(0.25, gt=0, lt=1, description="share of each set that is held out to measure the accuracy")
    seed: Seed = Field(0, description="seed that draws the held-out images and the order of sgd's steps")


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


class TcavConfig(Config):
    """What every TCAV test needs besides its concepts, classes and layers."""

    network: NetworkName = Field("efficientnet_lite0", description="name of the network")
    drawn: Whole = Field(24, ge=2, description="number of exemplars of a synthetic pattern")
    random: ImagesConfig = Field(
        ImagesConfig(sources=("dead-leaves",), scenes=120), description="images that random sets are drawn from"
    )
    random_sets: Whole = Field(
        10,
        ge=3,
        description="number of random sets; fewer than 10 make a weak test, and many attacks need 20",
    )
    random_size: Whole = Field(12, ge=2, description="number of images in a random set")
    cav: CavConfig = Field(CavConfig(), description="how CAVs are fitted")
    seed: Seed = Field(0, description="seed that draws the patterns and the random sets")


class ConceptsConfig(TcavConfig):
    """TCAV: concepts × classes × layers of one network, tested together. The defaults need no photographs."""

    layers: LayerNames = Field(("block10_expand",), min_length=1, description="names of the layers")
    concepts: ConceptSources = Field(
        ("stripes", "dots", "checks"),
        min_length=1,
        description="folders of exemplars, or names of synthetic patterns: stripes, dots, honeycombs, zigzags, checks",
    )
    classes: tuple[ClassImages, ...] = Field(
        (ClassImages(name="Egyptian cat"),), min_length=1, description="classes that the concepts are tested for"
    )


def _changes_something(epsilon: object) -> object:
    if epsilon == 0:
        raise ValueError("0 leaves every image as it is; give 1 to 255, in steps of 1/255")
    return epsilon


Epsilon = Annotated[int, Field(ge=1, le=255), BeforeValidator(_changes_something)]
"""Largest change of a pixel in any channel, in steps of 1/255."""


class AttackConfig(Config):
    """How images are perturbed, and by how much at most."""

    epsilon: Epsilon = Field(8, description="largest change of a pixel in any channel, in steps of 1/255")
    steps: Whole = Field(20, ge=1, description="gradient steps")
    step_size: float | None = Field(
        None, gt=0, le=10**6, description="size of a gradient step, in steps of 1/255; default: 2.5 ε / steps"
    )
    random_start: bool = Field(False, description="start at a random point of the ε-ball instead of at the image")
    poisoned_fraction: float = Field(
        1.0, gt=0, le=1, description="share of the images that are perturbed, at least one image"
    )
    seed: Seed = Field(0, description="seed that draws which images are perturbed, the random start and the noise")

    @property
    def step(self) -> float:
        """Size of a gradient step, in steps of 1/255: as given, or 2.5 ε / steps (Madry et al. 2018)."""
        return self.step_size or 2.5 * self.epsilon / self.steps


class AttackGrid(Config):
    """The attacks of an experiment: every objective at every ε and fraction, each with its controls."""

    kind: Literal["negative", "positive"] = Field(
        "negative",
        description="negative: a concept that matters stops mattering; positive: a concept that does not matter "
        "comes to matter",
    )
    objectives: tuple[ObjectiveName, ...] = Field(
        ("token-pushing", "class-gradient"),
        min_length=1,
        description="token-pushing, cav and class-gradient perturb the exemplars; random-set perturbs the random sets",
    )
    epsilons: tuple[Epsilon, ...] = Field(
        (2, 8), min_length=1, description="largest change of a pixel in any channel, in steps of 1/255"
    )
    fractions: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        (0.5, 1.0),
        min_length=1,
        description="shares of the images that are perturbed; a larger share contains the images of a smaller one",
    )
    steps: Whole = Field(10, ge=1, description="gradient steps")
    seed: Seed = Field(0, description="seed that draws which images are perturbed, the noise and the random direction")

    @field_validator("objectives", "epsilons", "fractions")
    @classmethod
    def _each_once(cls, values: tuple) -> tuple:
        if len(set(values)) < len(values):
            raise ValueError("gives a value twice; give each once")
        return values

    def attack(self, epsilon: int, fraction: float = 1.0) -> AttackConfig:
        return AttackConfig(epsilon=epsilon, steps=self.steps, poisoned_fraction=fraction, seed=self.seed)


class TransferTarget(Config):
    """A layer of a network at which perturbed sets are evaluated."""

    network: NetworkName = Field(description="name of the network")
    layer: LayerName = Field(description="name of the layer")


class AttackExperimentConfig(TcavConfig):
    """An attack experiment: a concept, a class and the attacked layer. The defaults need no photographs."""

    layer: LayerName = Field("block10_expand", description="name of the layer at which images are attacked")
    concept: ConceptSource = Field(
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
    dictionaries: DictionaryKeys = Field(
        (), description="keys of trained sparse autoencoders whose features are tested for evidence of the attack"
    )

    @property
    def tested(self) -> ConceptsConfig:
        """The TCAV config of the clean exemplars."""
        shared = {name: getattr(self, name) for name in TcavConfig.model_fields}
        return ConceptsConfig(**shared, layers=(self.layer,), concepts=(self.concept,), classes=(self.of_class,))
