"""Content keys: a result is named by a hash of its inputs and of the code's version, so it is never computed twice."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

CHUNK_BYTES = 1 << 20
PARTS_AT_ONCE = 1 << 16


class Streamed(list):
    """A JSON array that isn't empty, whose items are made one at a time."""

    def __init__(self, items: Iterable[Any]) -> None:
        super().__init__()
        self._items = items

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)


def _plain(value: Any) -> Any:
    from pydantic import BaseModel  # `tasks.warehouse.reader` starts without it

    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no canonical form and can't be part of a key")


def content_key(kind: str, version: int, **made_from: Any) -> str:
    """Return the SHA-256 (64 hex digits) of the canonical JSON of a result's inputs.

    kind: what the result is; version: of the code that computes it, raised by hand when its bytes change;
    made_from: its inputs, as content keys, pydantic configs and plain JSON values; long arrays as `Streamed`.
    """
    document = {"kind": kind, "version": version, "made_from": made_from}
    encoder = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain)
    parts, digest = encoder.iterencode(document), hashlib.sha256()
    while text := "".join(islice(parts, PARTS_AT_ONCE)):
        digest.update(text.encode())
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 (64 hex digits) of a file's bytes."""
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
