"""Content keys: the same thing made the same way has the same name, so it is never made twice."""

import hashlib
import json
from pathlib import Path
from typing import Any

CHUNK_BYTES = 1 << 20


def _plain(value: Any) -> Any:
    from pydantic import BaseModel  # `tasks.warehouse.reader` starts without it

    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no canonical form and can't be part of a key")


def content_key(kind: str, version: int, **made_from: Any) -> str:
    """SHA-256 (64 hex digits) over canonical JSON of what a thing was made from.

    kind: what it is; version: of the code that matters to its bytes, raised by hand when they change;
    made_from: keys, pydantic configs and plain JSON values.
    """
    document = {"kind": kind, "version": version, "made_from": made_from}
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """SHA-256 (64 hex digits) of a file's bytes."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
