"""The vectors of an analysis on disk, for whoever wants a concept's direction later.

cavs.safetensors: `LAYER/CONCEPT/vectors` float32 [random sets, d] and `LAYER/CONCEPT/intercepts` float32 [random sets],
a pair for each layer and concept (its key), random sets in the order of the frame `cavs`. `checksums.json` commits it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from tasks.checksums import Damaged, commit_folder, committed_file, is_committed
from tasks.concepts.cav import Cav
from tasks.errors import UserError
from tasks.quarantine import set_aside
from tasks.settings import Settings
from tasks.storage import atomic_file, writing
from tasks.tensors import read_tensors

FILE = "cavs.safetensors"
REMEDY = "run the `concepts` flow again, which sets it aside and makes it anew"


@dataclass(frozen=True)
class Vectors:
    """A concept's vectors at a layer, one a random set. vectors_rd: unit norm, d as in `Cav`; intercepts_r."""

    vectors_rd: Tensor
    intercepts_r: Tensor


def cavs_exist(analysis: str, settings: Settings) -> bool:
    """Whether vectors are there. What was damaged since is set aside, so that it is made again."""
    folder = settings.cavs_dir / analysis
    try:
        _adopt(folder)
        if is_committed(folder):
            committed_file(folder, FILE, REMEDY)
            return True
    except Damaged as error:
        set_aside(folder, str(error), settings)
    return False


def save_cavs(analysis: str, cavs: Mapping[tuple[str, str], Sequence[Cav]], settings: Settings) -> None:
    """Write {(layer, concept): a vector for each random set} of an analysis (a key)."""
    tensors = {}
    for (layer, concept), of_concept in cavs.items():
        tensors[f"{layer}/{concept}/vectors"] = torch.stack([cav.vector_d for cav in of_concept])
        tensors[f"{layer}/{concept}/intercepts"] = torch.tensor([cav.intercept for cav in of_concept])
    folder = settings.cavs_dir / analysis
    with writing(folder):
        with atomic_file(folder / FILE) as temporary:
            save_file(tensors, temporary)
        commit_folder(folder, [FILE])


def load_cavs(analysis: str, settings: Settings) -> dict[tuple[str, str], Vectors]:
    """{(layer, concept): vectors} of an analysis. UserError where they aren't there, Damaged where they changed."""
    folder = settings.cavs_dir / analysis
    _adopt(folder)
    if not is_committed(folder):
        raise UserError(f"no vectors of analysis {analysis} in {settings.cavs_dir}; run the `concepts` flow first")
    return _load(committed_file(folder, FILE, REMEDY))


def _load(path: Path) -> dict[tuple[str, str], Vectors]:
    tensors = read_tensors(path, REMEDY)
    try:
        places = dict.fromkeys(tuple(name.rsplit("/", 2)[:2]) for name in tensors)
        return {
            (layer, concept): Vectors(*(tensors[f"{layer}/{concept}/{part}"] for part in ("vectors", "intercepts")))
            for layer, concept in places
        }
    except (ValueError, KeyError) as error:
        raise Damaged(path, f"can't be read ({type(error).__name__})", REMEDY) from error


def _adopt(folder: Path) -> None:
    """Commit vectors that were kept before there were checksums, if they can be read. Raises Damaged."""
    if not is_committed(folder) and (folder / FILE).is_file():
        _load(folder / FILE)
        with writing(folder):
            commit_folder(folder, [FILE])
