"""How features are grouped into families: Prefect's form and the console's options are this object."""

from pydantic import BaseModel, ConfigDict, Field


class FamiliesConfig(BaseModel):
    """All that decides on a dictionary's families, given its features."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    neighbours: int = Field(10, ge=2, description="nearest features that the map keeps together (UMAP)")
    min_family_size: int = Field(5, ge=2, description="members of the smallest family (HDBSCAN)")
    n_rotations: int | None = Field(
        None,
        ge=1,
        description="group crosscoder only: compare under a subgroup with so many rotations; default: its own group",
    )
    seed: int = Field(0, ge=0, lt=2**31, description="of the map, and of the controls")
