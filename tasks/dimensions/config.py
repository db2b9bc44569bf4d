"""How tuning dimensions are sought: Prefect's form and the console's options are this object."""

from typing import Literal

from pydantic import Field

from tasks.config import Config, Seed, Whole

Method = Literal["pca", "ica", "nmf", "kernel-pca", "neurons", "random"]
CONTROLS = ("neurons", "random")
"""Methods that look for nothing: the neurons themselves, and a random orthogonal basis."""


class DimensionsConfig(Config):
    """All that decides on the dimensions of a layer's units, given their rows."""

    method: Method = Field("pca", description="how dimensions are sought; neurons and random are controls")
    source: Literal["patches", "gratings"] = Field(
        "patches", description="rows that they are sought in: patches of the train split, or drawn gratings"
    )
    components: Whole = Field(32, ge=1, description="dimensions to find")
    rows: Whole = Field(
        100_000, ge=2, description="rows at most, evenly from all shards; of an orbit each transform is one"
    )
    frames: Whole = Field(96, ge=0, description="whole images on which the network runs with dimensions taken out")
    permutations: Whole = Field(999, ge=99, description="of the stimuli's labels, for p-values")
    seed: Seed = Field(0, description="of the methods, the random basis and the permutations")
