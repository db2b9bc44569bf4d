"""How features are grouped into families: Prefect's form and the console's options are this object."""

from pydantic import Field

from tasks.config import Config, Seed, Whole


class FamiliesConfig(Config):
    """All that decides on a dictionary's families, given its features."""

    neighbours: Whole = Field(10, ge=2, description="nearest features that the map keeps together (UMAP)")
    min_family_size: Whole = Field(5, ge=2, description="members of the smallest family (HDBSCAN)")
    n_rotations: Whole | None = Field(
        None,
        ge=1,
        description="group crosscoder only: compare under a subgroup with so many rotations; default: its own group",
    )
    seed: Seed = Field(0, description="of the map, and of the controls")
