"""The vectors of an analysis on disk, for whoever wants a concept's direction later.

cavs.safetensors: `LAYER/CONCEPT/vectors` float32 [random sets, d] and `LAYER/CONCEPT/intercepts` float32 [random sets],
a pair for each layer and concept (its key), random sets in the order of the frame `cavs`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from tasks.concepts.cav import Cav
from tasks.errors import UserError
from tasks.settings import Settings
from tasks.storage import atomic_file, writing


@dataclass(frozen=True)
class Vectors:
    """A concept's vectors at a layer, one a random set. vectors_rd: unit norm, d as in `Cav`; intercepts_r."""

    vectors_rd: Tensor
    intercepts_r: Tensor


def _file(analysis: str, settings: Settings) -> Path:
    return settings.cavs_dir / analysis / "cavs.safetensors"


def cavs_exist(analysis: str, settings: Settings) -> bool:
    return _file(analysis, settings).exists()


def save_cavs(analysis: str, cavs: Mapping[tuple[str, str], Sequence[Cav]], settings: Settings) -> None:
    """Write {(layer, concept): a vector for each random set} of an analysis (a key)."""
    tensors = {}
    for (layer, concept), of_concept in cavs.items():
        tensors[f"{layer}/{concept}/vectors"] = torch.stack([cav.vector_d for cav in of_concept])
        tensors[f"{layer}/{concept}/intercepts"] = torch.tensor([cav.intercept for cav in of_concept])
    path = _file(analysis, settings)
    with writing(path.parent), atomic_file(path) as temporary:
        save_file(tensors, temporary)


def load_cavs(analysis: str, settings: Settings) -> dict[tuple[str, str], Vectors]:
    """{(layer, concept): vectors} of an analysis. UserError where they aren't there or don't load."""
    path = _file(analysis, settings)
    if not path.exists():
        raise UserError(f"no vectors of analysis {analysis} in {settings.cavs_dir}; run the `concepts` flow first")
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise UserError(
            f"{path} is damaged ({type(error).__name__}); delete it and run the `concepts` flow again"
        ) from error
    places = dict.fromkeys(tuple(name.rsplit("/", 2)[:2]) for name in tensors)
    return {
        (layer, concept): Vectors(*(tensors[f"{layer}/{concept}/{part}"] for part in ("vectors", "intercepts")))
        for layer, concept in places
    }
