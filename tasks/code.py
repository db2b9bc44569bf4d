"""The code as part of what a result was made from, for results that no `CODE_VERSION` stands for."""

from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path

from tasks.keys import content_key, file_sha256
from tasks.settings import RESOURCES, ROOT

LIBRARIES = ("duckdb", "great-expectations", "jinja2", "pillow", "polars")
"""The libraries that make and check the warehouse, the snapshot and the page."""
FOLDERS = (ROOT / "tasks", RESOURCES / "sql")
SUFFIXES = {".py", ".sql", ".html", ".css", ".js", ".svg"}


@cache
def code_sha256() -> str:
    """Return `sha256_of` the code that makes the warehouse, the snapshot and the page."""
    return sha256_of(FOLDERS)


def sha256_of(folders: Iterable[Path]) -> str:
    """Return the SHA-256 (64 hex digits) of the source files in `folders`, their names and LIBRARIES' versions."""
    files = {
        f"{folder.name}/{file.relative_to(folder)}": file_sha256(file)
        for folder in folders
        for file in sorted(folder.rglob("*"))
        if file.suffix in SUFFIXES
    }
    return content_key("code", 1, files=files, libraries={name: version(name) for name in LIBRARIES})
