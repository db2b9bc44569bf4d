"""Checksums: every file that is read is compared with the SHA-256 that was written when the file was committed.

A *document* is a JSON object that holds the SHA-256 of its own content. A *committed folder* holds files and one
document, `checksums.json`, with the folder's name and the SHA-256 of each file. It is written last, and its rename
commits them.
"""

import errno
import hashlib
import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG
from typing import Any

from tasks.errors import UserError
from tasks.keys import file_sha256
from tasks.storage import write_text

COMMIT = "checksums.json"
SEAL = "sha256"


class Damaged(UserError):
    """A file is missing, or its bytes are not those that were committed.

    path: the file; reason: what is wrong with it; remedy: what the user can do.
    """

    def __init__(self, path: Path, reason: str, remedy: str):
        super().__init__(f"{path} {reason}: {remedy}")
        self.path, self.reason, self.remedy = path, reason, remedy

    def __reduce__(self) -> tuple:
        """Let task runners pass the exception from one process to another."""
        return type(self), (self.path, self.reason, self.remedy)


def document_sha256(document: dict[str, Any]) -> str:
    """Return the SHA-256 (64 hex digits) of a document's content; whitespace and key order don't matter."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def write_document(path: Path, document: dict[str, Any]) -> None:
    """Write a JSON object with its own SHA-256 atomically. Raises UserError when the disk is full."""
    write_text(path, json.dumps({**document, SEAL: document_sha256(document)}, indent=1))


def read_document(path: Path, remedy: str) -> dict[str, Any]:
    """Read an object that `write_document` wrote. Raises Damaged when it is missing or differs from its checksum."""
    try:
        document = json.loads(path.read_bytes())
        sealed = document.pop(SEAL)
    except (FileNotFoundError, NotADirectoryError):
        raise Damaged(path, "is missing", remedy) from None
    except IsADirectoryError:
        raise Damaged(path, "is damaged (a folder instead of a document)", remedy) from None
    # after a bit flip the file may be no UTF-8, no JSON, no object, or an object without a checksum
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        raise Damaged(path, "is damaged (not a document with a checksum)", remedy) from None
    if sealed != document_sha256(document):
        raise Damaged(path, "is damaged (its checksum is wrong)", remedy)
    return document


def check_file(path: Path, sha256: str, remedy: str) -> None:
    """Raise Damaged when a file is missing or has another SHA-256. A process hashes an unchanged file only once."""
    try:
        status = path.stat()
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise
        raise Damaged(path, "is missing", remedy) from None
    if not S_ISREG(status.st_mode):
        raise Damaged(path, "is missing", remedy)
    if _sha256_of(path, status.st_mtime_ns, status.st_size, status.st_ino) != sha256:
        raise Damaged(path, "is damaged (its checksum is wrong)", remedy)


@lru_cache(maxsize=100_000)
def _sha256_of(path: Path, modified_ns: int, size: int, inode: int) -> str:
    return file_sha256(path)


def is_committed(folder: Path) -> bool:
    """Whether a folder has been committed, so that all its files were written. They may have been damaged since."""
    return (folder / COMMIT).exists()


def commit_folder(folder: Path, names: Iterable[str], **about: Any) -> None:
    """Commit the named files of `folder`, which must all be written; `about` is stored beside their checksums."""
    files = {name: file_sha256(folder / name) for name in names}
    write_document(folder / COMMIT, {"key": folder.name, "files": files, **about})


def read_commit(folder: Path, remedy: str) -> dict[str, Any]:
    """Check every file and return what `commit_folder` wrote: `files` {name: SHA-256}, and `about`. Raises Damaged."""
    commit = commit_of(folder, remedy)
    for name, sha256 in commit["files"].items():
        check_file(folder / name, sha256, remedy)
    return commit


def committed_file(folder: Path, name: str, remedy: str) -> Path:
    """Check one file of a committed folder and return its path. Raises Damaged."""
    files = commit_of(folder, remedy)["files"]
    if name not in files:
        raise Damaged(folder / name, f"was not committed ({COMMIT} doesn't list it)", remedy)
    check_file(folder / name, files[name], remedy)
    return folder / name


def commit_of(folder: Path, remedy: str) -> dict[str, Any]:
    """Return what `read_commit` returns, without checking the files."""
    commit = read_document(folder / COMMIT, remedy)
    if commit.get("key") != folder.name or "files" not in commit:
        raise Damaged(folder / COMMIT, f"belongs to {commit.get('key')}", remedy)
    return commit
