"""The training configuration of a dictionary. Prefect's form, the CLI options and MLflow's parameters come from it."""

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from tasks.config import Config, Seed, Whole
from tasks.dictionary.exchange.libraries import LIBRARIES, SCALINGS
from tasks.dictionary.methods import ARCHITECTURES, BLOCK_SPARSE, METHODS, STEERABLE, WITH_K, WITH_PENALTY
from tasks.errors import UserError
from tasks.symmetry.scales import ScaleRange
from tasks.symmetry.transformations import Transformations

EncodeFrom = Literal["identity", "orbit"]


class DictionaryConfig(Config):
    """Together with the training rows, this determines the bytes of a trained dictionary."""

    unused: ClassVar[frozenset[str]] = frozenset()
    """Fields without a meaning for this dictionary; they are not stored with it."""

    architecture: Literal[*ARCHITECTURES] = Field(  # type: ignore[valid-type]  # as `method`
        "group-crosscoder",
        description="sae: each row is one activation vector; group-crosscoder: each row is the orbit of a vector; "
        "steerable-crosscoder: the same rows; the features are prototypes in each of |G| orientations",
    )
    method: Literal[*METHODS] = Field(  # type: ignore[valid-type]  # mypy reads no Literal of computed values
        "topk", description="activation function and sparsity penalty of the features"
    )
    features: Whole = Field(1024, ge=1, description="number of features in the dictionary")
    atom_dimension: Literal[1, 2, 3, 4] = Field(
        1, description=f"decoder vectors per feature: 2 to 4 for {', '.join(BLOCK_SPARSE)}, 1 for the others"
    )
    k: Whole = Field(16, ge=1, description=f"active features per row; only used by {WITH_K}")
    sparsity: float = Field(
        1.0, ge=0, le=1e30, description=f"weight λ of the sparsity penalty; only used by {WITH_PENALTY}"
    )
    encode_from: EncodeFrom = Field(
        "identity",
        description="group crosscoder only: encode the identity block alone, or the sum over all blocks of the orbit "
        "(as a steerable crosscoder always does)",
    )
    orbit_reuse: bool = Field(
        True,
        description="let any transform of an orbit take the place of the identity: one orbit gives |G| training rows",
    )
    harmonics: Whole | None = Field(
        None,
        ge=0,
        description="crosscoders only: highest harmonic of the angle that the decoder represents; "
        "default: no band limit, every block is free",
    )
    start: Literal["rows", "clusters"] = Field(
        "rows",
        description="what features grow from: random training rows, or the means of as many clusters of them, which "
        "makes features of other seeds more alike",
    )
    steps: Whole = Field(1000, ge=1, description="optimiser steps")
    batch_size: Whole = Field(256, ge=1, description="rows per step")
    mixed_shards: Whole = Field(
        1,
        ge=1,
        description="shards that are read at a time: their orbits are mixed, so that a batch has orbits of more "
        "photographs, and all of them are in memory",
    )
    learning_rate: float = Field(
        1e-3, gt=0, le=1e30, description="Adam's learning rate; falls linearly to 0 over the last fifth of the steps"
    )
    auxiliary_k: Whole = Field(
        32,
        ge=0,
        description="dead features per row that reconstruct the residual in the AuxK loss; 0: no AuxK; "
        f"only used by {WITH_K}",
    )
    auxiliary_coefficient: float = Field(1 / 32, ge=0, le=1e30, description="weight of the AuxK loss")
    dead_after_rows: Whole = Field(
        50_000, ge=1, description="number of rows without firing after which training counts a feature as dead"
    )
    log_every: Whole = Field(20, ge=1, description="steps between logged metrics")
    checkpoint_every: Whole = Field(500, ge=1, description="steps between checkpoints")
    seed: Seed = Field(0, description="random seed of the initial features and of the order of the rows")

    @property
    def name(self) -> str:
        """Method and architecture, such as "topk-sae": the name of the registered model."""
        return f"{self.method}-{self.architecture}"

    @property
    def has_k(self) -> bool:
        """Whether `k`, and not the penalty, sets the number of active features."""
        return METHODS[self.method].k is not None

    @property
    def is_crosscoder(self) -> bool:
        """Whether a row is an orbit and not one activation vector."""
        return self.architecture != "sae"

    @property
    def is_steerable(self) -> bool:
        """Whether features are the turned copies of prototypes."""
        return self.architecture == "steerable-crosscoder"

    @property
    def atoms(self) -> int:
        """Number of decoder vectors (atoms) of all features."""
        return self.features * self.atom_dimension

    @property
    def reads_all_blocks(self) -> bool:
        """Whether encoding needs the whole orbit and not only the identity block."""
        return self.is_steerable or (self.architecture == "group-crosscoder" and self.encode_from == "orbit")

    def prototypes(self, group: Transformations) -> int:
        """Return a steerable crosscoder's number of prototypes.

        Raises UserError unless |G| divides its features, and for scales, which are no group.
        """
        if isinstance(group, ScaleRange):
            raise UserError("a steerable-crosscoder is for rotations, of the image or its hues: scales are no group")
        prototypes, rest = divmod(self.features, group.order)
        if rest:
            fitting = [str(count * group.order) for count in (prototypes, prototypes + 1) if count]
            raise UserError(
                f"features = {self.features} is no multiple of the {group.order} elements of {group.name}: a steerable "
                f"crosscoder has a feature for each element and prototype, set features to {' or '.join(fitting)}"
            )
        return prototypes

    @model_validator(mode="after")
    def _has_an_angle(self) -> "DictionaryConfig":
        if self.harmonics is not None and self.architecture == "sae":
            raise ValueError(f"harmonics = {self.harmonics} is for a group crosscoder; leave it out with an sae")
        return self

    @model_validator(mode="before")
    @classmethod
    def _reads_the_orbit(cls, fields: Any) -> Any:
        if isinstance(fields, dict) and fields.get("architecture") == "steerable-crosscoder":
            return fields | {"encode_from": "orbit"}
        return fields

    @model_validator(mode="after")
    def _can_be_steered(self) -> "DictionaryConfig":
        if self.is_steerable and self.method not in STEERABLE:
            raise ValueError(
                f"method = {self.method} doesn't train a steerable-crosscoder: set {' or '.join(STEERABLE)}"
            )
        return self

    @model_validator(mode="after")
    def _atoms_fit(self) -> "DictionaryConfig":
        if self.method in BLOCK_SPARSE and self.architecture != "sae":
            raise ValueError(f"{self.method} is for an sae, not a {self.architecture}")
        if self.method in BLOCK_SPARSE and self.atom_dimension == 1:
            raise ValueError(f"{self.method} has features of several dimensions: set atom_dimension to 2, 3 or 4")
        if self.method not in BLOCK_SPARSE and self.atom_dimension > 1:
            names = ", ".join(BLOCK_SPARSE)
            raise ValueError(f"atom_dimension = {self.atom_dimension} is for {names}; leave it out with {self.method}")
        return self

    @model_validator(mode="after")
    def _k_fits(self) -> "DictionaryConfig":
        if self.has_k and self.k > self.features:
            raise ValueError(f"k = {self.k} is more than the {self.features} features; lower k or raise features")
        return self


class ImportedConfig(DictionaryConfig):
    """The configuration of a sparse autoencoder that another library trained."""

    unused: ClassVar[frozenset[str]] = frozenset(
        {
            *("sparsity", "encode_from", "harmonics", "start", "steps", "batch_size", "mixed_shards"),
            *("learning_rate", "auxiliary_k"),
            *("auxiliary_coefficient", "dead_after_rows", "log_every", "checkpoint_every", "seed"),
        }
    )

    architecture: Literal["sae"] = Field("sae", description="the other libraries have no group crosscoders")
    orbit_reuse: Literal[False] = Field(False, description="rows are activations of untransformed patches")
    steps: Whole = Field(0, ge=0, le=0, description="optimiser steps taken here")
    library: Literal[*LIBRARIES] = Field(  # type: ignore[valid-type]  # as `method`
        description="library whose files were imported"
    )
    scaling: Literal[*SCALINGS] = Field(  # type: ignore[valid-type]  # as `method`
        description="scaling of the activations that the weights were made for"
    )
    weights_sha256: str = Field(description="SHA-256 of the imported weight file")


def config_from(stored: dict[str, Any]) -> DictionaryConfig:
    """Return the config that was stored with a dictionary. Raises pydantic's ValidationError."""
    return (ImportedConfig if "library" in stored else DictionaryConfig).model_validate(stored)
