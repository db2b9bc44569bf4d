"""Read tensors from safetensors files, which contain numbers and no code."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from tasks.checksums import Damaged


def read_tensors(path: Path, remedy: str) -> dict[str, Tensor]:
    """Return the tensors of a file by name. Raises Damaged when it is missing or not a safetensors file."""
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError, OverflowError, MemoryError) as error:
        raise Damaged(path, f"can't be read ({type(error).__name__})", remedy) from error


def read_about(path: Path, remedy: str) -> dict[str, Any]:
    """Return the JSON object `about` in a file's metadata. Raises Damaged as `read_tensors`, and when it is missing."""
    try:
        with safe_open(path, "pt") as file:
            about = json.loads(file.metadata()["about"])
        if not isinstance(about, dict):
            raise ValueError("no object")
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise Damaged(path, f"can't be read ({type(error).__name__})", remedy) from error
    return about
