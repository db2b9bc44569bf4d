"""Storage of an analysis's CAVs on disk, for later use of a concept's direction.

cavs.safetensors holds, for each layer and concept (its key), `LAYER/CONCEPT/vectors`, float32 [random sets, d], and
`LAYER/CONCEPT/intercepts`, float32 [random sets]. The random sets are in the order of the table `cavs`. The file counts
as complete once `checksums.json` lies beside it.
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
REMEDY = "run the `concepts` flow again, which moves it to quarantine and makes a new one"


@dataclass(frozen=True)
class Vectors:
    """A concept's CAVs at a layer, one for each random set: vectors_rd of unit norm (d as in `Cav`), intercepts_r."""

    vectors_rd: Tensor
    intercepts_r: Tensor


def cavs_exist(analysis: str, settings: Settings) -> bool:
    """Return whether an analysis's CAVs exist. Damaged ones are quarantined, so that they are made again."""
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
    """Write the CAVs of an analysis (a key): {(layer, concept): a CAV for each random set}."""
    tensors = {}
    for (layer, concept), concept_cavs in cavs.items():
        tensors[f"{layer}/{concept}/vectors"] = torch.stack([cav.vector_d for cav in concept_cavs])
        tensors[f"{layer}/{concept}/intercepts"] = torch.tensor([cav.intercept for cav in concept_cavs])
    folder = settings.cavs_dir / analysis
    with writing(folder):
        with atomic_file(folder / FILE) as temporary:
            save_file(tensors, temporary)
        commit_folder(folder, [FILE])


def load_cavs(analysis: str, settings: Settings) -> dict[tuple[str, str], Vectors]:
    """Return {(layer, concept): CAVs} of an analysis. UserError where the file is missing, Damaged where it changed."""
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
    """Commit a file that a version without checksums wrote, if it can be read. Raises Damaged."""
    if not is_committed(folder) and (folder / FILE).is_file():
        _load(folder / FILE)
        with writing(folder):
            commit_folder(folder, [FILE])
