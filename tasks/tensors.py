"""Tensors on disk: safetensors files, which hold numbers and no code."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from tasks.checksums import Damaged


def read_tensors(path: Path, remedy: str) -> dict[str, Tensor]:
    """Tensors of a file by name. Raises Damaged where it is missing or no safetensors file."""
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, OverflowError, MemoryError) as error:
        raise Damaged(path, f"can't be read ({type(error).__name__})", remedy) from error


def read_about(path: Path, remedy: str) -> dict[str, Any]:
    """The JSON object `about` among a file's metadata. Raises Damaged as `read_tensors`, and where there is none."""
    try:
        with safe_open(path, "pt") as file:
            about = json.loads(file.metadata()["about"])
        if not isinstance(about, dict):
            raise ValueError("no object")
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise Damaged(path, f"can't be read ({type(error).__name__})", remedy) from error
    return about
