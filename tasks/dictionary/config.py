"""What a dictionary is trained with: Prefect's form, the console's options and MLflow's parameters are this object."""

from typing import Literal

from pydantic import Field, model_validator

from tasks.config import Config, Seed, Whole

TOP_K_METHODS = ("topk", "batchtopk", "matryoshka")


class DictionaryConfig(Config):
    """Everything but the rows that decides the bytes of a trained dictionary."""

    architecture: Literal["sae", "group-crosscoder"] = Field(
        "group-crosscoder", description="sparse autoencoder: a row is one vector; group crosscoder: a row is an orbit"
    )
    method: Literal["topk", "relu", "batchtopk", "jumprelu", "gated", "matryoshka"] = Field(
        "topk", description="how features are kept few"
    )
    features: Whole = Field(1024, ge=1, description="m: dictionary elements")
    k: Whole = Field(16, ge=1, description="active features per row; topk, batchtopk and matryoshka only")
    sparsity: float = Field(
        1.0, ge=0, le=1e30, description="λ: weight of the penalty on active features; relu, gated and jumprelu only"
    )
    encode_from: Literal["identity", "orbit"] = Field(
        "identity", description="group crosscoder only: encode the identity block, or the sum over all blocks"
    )
    orbit_reuse: bool = Field(
        True, description="let any transform stand for the identity, so one orbit gives |G| training rows"
    )
    harmonics: Whole | None = Field(
        None, ge=0, description="group crosscoder only: K of a decoder band-limited in the angle; default: free blocks"
    )
    steps: Whole = Field(1000, ge=1, description="optimiser steps")
    batch_size: Whole = Field(256, ge=1, description="rows per step")
    learning_rate: float = Field(
        1e-3, gt=0, le=1e30, description="Adam's; decays linearly to 0 over the last fifth of the steps"
    )
    auxiliary_k: Whole = Field(
        32, ge=0, description="dead features per row that reconstruct the residual (AuxK, where k is used); 0: none"
    )
    auxiliary_coefficient: float = Field(1 / 32, ge=0, le=1e30, description="weight of the AuxK loss")
    dead_after_rows: Whole = Field(
        50_000, ge=1, description="rows without firing after which training calls a feature dead"
    )
    log_every: Whole = Field(20, ge=1, description="steps between logged metrics")
    checkpoint_every: Whole = Field(500, ge=1, description="steps between checkpoints")
    seed: Seed = Field(0, description="of the initial features and of the order of the rows")

    @property
    def name(self) -> str:
        """Method and architecture in one word, such as topk-sae: what its registered model is called."""
        return f"{self.method}-{self.architecture}"

    @property
    def has_k(self) -> bool:
        """Whether `k` sets the number of active features, and not the penalty."""
        return self.method in TOP_K_METHODS

    @property
    def reads_all_blocks(self) -> bool:
        """Whether a code needs the whole orbit, and not the input alone."""
        return self.architecture == "group-crosscoder" and self.encode_from == "orbit"

    @model_validator(mode="after")
    def _has_an_angle(self) -> "DictionaryConfig":
        if self.harmonics is not None and self.architecture == "sae":
            raise ValueError(f"harmonics = {self.harmonics} is for a group crosscoder; leave it out with an sae")
        return self

    @model_validator(mode="after")
    def _k_fits(self) -> "DictionaryConfig":
        if self.has_k and self.k > self.features:
            raise ValueError(f"k = {self.k} is more than the {self.features} features; lower k or raise features")
        return self
