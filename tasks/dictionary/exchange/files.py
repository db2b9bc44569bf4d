"""What a library's folder holds: read without running code from it, and checked; and what is written for it."""

import json
import math
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from tasks.dictionary.exchange.plain import PlainSAE
from tasks.errors import UserError, one_line, shown
from tasks.keys import file_sha256
from tasks.tensors import read_tensors

REMEDY = "give the folder that the library wrote"
UNREADABLE = (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError, KeyError, TypeError, IndexError)
"""What PyTorch raises for a pickle that asks for more than tensors, or that is damaged."""


class Written(NamedTuple):
    """Files for a library.

    weights: name of the safetensors file; config: name of the JSON file with `settings`; loader: Python that makes the
    library's object `sae` in a process whose working directory is the folder.
    """

    weights: str
    tensors: Mapping[str, Tensor]
    config: str
    settings: Mapping[str, Any]
    loader: str


class Foreign(NamedTuple):
    """A dictionary of another library.

    declared: the scaling that its files ask for, one of `SCALINGS`; weights_sha256, config_sha256: of its files.
    """

    sae: PlainSAE
    declared: str
    weights_sha256: str
    config_sha256: str


class ConfigFile:
    """The JSON object in a library's config file, or a section of it. A mistake is a UserError that names the file."""

    def __init__(self, path: Path, values: Mapping[str, Any] | None = None):
        self.path = path
        self.values = _read_json(path) if values is None else values

    def section(self, name: str) -> "ConfigFile":
        values = self.values.get(name)
        if not isinstance(values, dict):
            raise UserError(f"{self.path} has no section {name}: {REMEDY}")
        return ConfigFile(self.path, values)

    def get(self, name: str, default: Any = None) -> Any:
        return self.values.get(name, default)

    def text(self, name: str) -> str:
        value = self.values.get(name)
        if not isinstance(value, str):
            raise self.wrong(name, "is needed, and a text")
        return value

    def count(self, name: str, most: int) -> int:
        """Return a whole number from 1 to `most`."""
        value = self.values.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise self.wrong(name, f"is needed, and a whole number from 1 to {most}")
        return value

    def number(self, name: str) -> float:
        value = self.values.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
            raise self.wrong(name, "is needed, and a finite number")
        return float(value)

    def wrong(self, name: str, reason: str) -> UserError:
        return UserError(f"{self.path}: {name} = {shown(self.values.get(name))} {reason}")


class WeightFile:
    """The tensors of a weight file, taken one by one. Each mistake is a UserError that names file and tensor."""

    def __init__(self, folder: Path, *names: str):
        """Read the first of the named files that exists. Raises UserError if there is none, or if it has no tensors."""
        path = next((folder / name for name in names if (folder / name).is_file()), None)
        if path is None:
            raise UserError(f"{folder} has no {' or '.join(names)}: {REMEDY}")
        self.path, self.found = path, _read_weights(path)

    def __contains__(self, name: str) -> bool:
        return name in self.found

    def take(self, name: str, *shape: int | None) -> Tensor:
        """Return a tensor as float32 and forget it; shape: its sizes, where None may be any size from 1 on."""
        if name not in self.found:
            raise UserError(f"{self.path} has no tensor {name}; it has {one_line(', '.join(sorted(self.found)))}")
        tensor = self.found.pop(name)
        fits = tensor.ndim == len(shape) and all(
            size == wanted or (wanted is None and size) for size, wanted in zip(tensor.shape, shape, strict=True)
        )
        if not fits:
            wanted = ", ".join("any" if size is None else str(size) for size in shape)
            raise UserError(f"{self.path}: tensor {name} has the shape {list(tensor.shape)}, not [{wanted}]")
        tensor = tensor.float().contiguous()
        if not tensor.isfinite().all():
            raise UserError(f"{self.path}: tensor {name} has values that are infinite or not a number")
        return tensor

    def finish(self) -> None:
        """Raise UserError if tensors are left: they would have changed the result."""
        if self.found:
            raise UserError(
                f"{self.path}: tensors {one_line(', '.join(sorted(self.found)))} belong to no kind of dictionary that "
                "can be imported"
            )


def foreign(sae: PlainSAE, declared: str, tensors: WeightFile, settings: ConfigFile) -> Foreign:
    """Return a dictionary that was read whole. Raises UserError if tensors are left, or overflow when combined."""
    tensors.finish()
    for tensor in (sae.encoder_md, sae.encoder_bias_m, sae.decoder_md, sae.decoder_bias_d):
        if not tensor.isfinite().all():
            raise UserError(f"{tensors.path}: its weights overflow where they are multiplied: save them scaled down")
    return Foreign(sae, declared, file_sha256(tensors.path), file_sha256(settings.path))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path.parent} has no {path.name}: {REMEDY}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} can't be read ({type(error).__name__}): {REMEDY}") from None
    if not isinstance(values, dict):
        raise UserError(f"{path} is no JSON object: {REMEDY}")
    return values


def _read_weights(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        return read_tensors(path, REMEDY)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickles by other protocols, which are read or refused all the same
            found = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        raise UserError(
            f"{path} can't be read as tensors alone ({type(error).__name__}), and code from it is not run: save the "
            "module's state_dict() in the library, best as safetensors"
        ) from None
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise UserError(f"{path} holds other things than tensors: save the module's state_dict() in the library")
    return {str(name): tensor for name, tensor in found.items()}
