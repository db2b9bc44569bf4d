"""The configuration of the tuning dimensions. Prefect's form and the CLI options are generated from it."""

from typing import Literal

from pydantic import Field

from tasks.config import Config, Seed, Whole

Method = Literal["pca", "ica", "nmf", "kernel-pca", "neurons", "random"]
Source = Literal["patches", "gratings"]
CONTROLS = ("neurons", "random")
"""Methods that are controls: single neurons, and a random orthogonal basis."""


class DimensionsConfig(Config):
    """Together with the rows of a layer's units, this determines their dimensions."""

    method: Method = Field("pca", description="method that finds the dimensions; neurons and random are controls")
    source: Source = Field(
        "patches",
        description="rows to find the dimensions in: activations on patches of the train split, or on drawn gratings",
    )
    components: Whole = Field(32, ge=1, description="number of dimensions")
    rows: Whole = Field(
        100_000,
        ge=2,
        description="largest number of rows, taken evenly from all shards; each transform of an orbit is a row",
    )
    frames: Whole = Field(
        96, ge=0, description="number of whole test images on which the network runs with dimensions kept or removed"
    )
    permutations: Whole = Field(
        999, ge=99, description="number of permutations of the stimuli's labels, for the p-values"
    )
    seed: Seed = Field(0, description="random seed of the methods, the random basis and the permutations")
