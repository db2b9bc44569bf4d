"""The configuration of the grouping into families. Prefect's form and the CLI options are generated from it."""

from pydantic import Field

from tasks.config import Config, Seed, Whole


class FamiliesConfig(Config):
    """Together with a dictionary's features, this determines its families."""

    neighbours: Whole = Field(
        10, ge=2, description="nearest neighbours of each feature that the map (UMAP) keeps close"
    )
    min_family_size: Whole = Field(3, ge=2, description="smallest number of features in a family")
    n_rotations: Whole | None = Field(
        None,
        ge=1,
        description="group crosscoder only: compare features under the subgroup with this many rotations; "
        "default: all rotations of the dictionary's group",
    )
    seed: Seed = Field(0, description="random seed of UMAP and of the controls")
