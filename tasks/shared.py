"""The shared store: activation sets, dictionaries and staged tables on a file system that several machines reach.

The setting KALEIDOSCOPE_SHARED_STORE names its root: a folder, or a URL that fsspec opens, such as s3://bucket/folder.
Each machine works on files of its own data folder. What it commits there is copied to the store, under the same names
and with the same bytes; what it lacks is copied from the store. Without the setting, these functions do nothing.

Commit. An object store has no rename. A document that lists files with their SHA-256 (checksums.json, plan.json, a
shard's receipt, manifest.json) is copied after these files, in one request. A folder of the store is complete when that
document exists. A reader takes no file that it doesn't list, and none with another SHA-256. So a process that was
killed while it copied leaves files that nobody reads, and the next one copies them again.
"""

import json
import logging
import shutil
from functools import lru_cache
from pathlib import Path
from typing import Any

from tasks.checksums import COMMIT, Damaged, check_file, document_sha256
from tasks.keys import file_sha256
from tasks.remote import answering, filesystem_at
from tasks.settings import Settings
from tasks.storage import atomic_file, writing

log = logging.getLogger(__name__)


class SharedStore:
    """The shared store at an address. Names are relative to the root, as paths are to a data folder.

    All functions raise UserError if a server refuses or doesn't answer.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._fs, self._root = filesystem_at(address)
        self._is_local = "file" in ([self._fs.protocol] if isinstance(self._fs.protocol, str) else self._fs.protocol)

    def put(self, name: str, file: Path) -> None:
        """Copy a file to the store. It appears whole: by one rename in a folder, by the end of an upload elsewhere."""
        with answering(self._named(name), "written"):
            if self._is_local:
                with atomic_file(Path(self._root, name)) as temporary:
                    shutil.copyfile(file, temporary)
            else:
                self._fs.put_file(str(file), f"{self._root}/{name}")

    def get(self, name: str, file: Path) -> bool:
        """Copy a file of the store to a path; return whether there was one."""
        try:
            with answering(self._named(name)):
                self._fs.get_file(f"{self._root}/{name}", str(file))
        except FileNotFoundError:
            return False
        return True

    def read(self, name: str) -> bytes | None:
        """Return the content of a file of the store; None if there is none."""
        try:
            with answering(self._named(name)):
                return self._fs.cat_file(f"{self._root}/{name}")
        except FileNotFoundError:
            return None

    def delete(self, name: str) -> None:
        """Delete a file of the store."""
        with answering(self._named(name), "deleted"):
            self._fs.rm_file(f"{self._root}/{name}")

    def size(self, name: str) -> int | None:
        """Return the size of a file of the store in bytes; None if there is none."""
        try:
            with answering(self._named(name)):
                self._fs.invalidate_cache()  # fsspec keeps what it listed, and doesn't notice what others write
                return self._fs.size(f"{self._root}/{name}")
        except FileNotFoundError:
            return None

    def folders_with(self, kind: str, name: str) -> list[str]:
        """Return the names of the folders below `kind` that have a file of this name, sorted."""
        with answering(self._named(kind)):
            self._fs.invalidate_cache()
            return sorted(path.split("/")[-2] for path in self._fs.glob(f"{self._root}/{kind}/*/{name}"))

    def _named(self, name: str) -> str:
        return f"{self.address.rstrip('/')}/{name}"


@lru_cache(maxsize=4)
def _at(address: str) -> SharedStore:
    return SharedStore(address)


def shared_store(settings: Settings) -> SharedStore | None:
    """Return the store of the settings; None without one."""
    return _at(str(settings.shared_store)) if settings.shared_store else None


def name_of(path: Path, settings: Settings) -> str:
    """Return the name in the store of a path in the data folder."""
    return path.relative_to(settings.data_dir).as_posix()


def share(files: list[Path], document: Path, settings: Settings) -> None:
    """Copy files of the data folder to the store, then the document that commits them.

    Of a document that the store has already, only files that are missing or cut off are copied. Another document is
    deleted first, since its files change.
    """
    if (store := shared_store(settings)) is None:
        return
    name, before = name_of(document, settings), store.read(name_of(document, settings))
    is_there = before == document.read_bytes()
    if before is not None and not is_there and files:
        store.delete(name)
    for file in files:
        if not is_there or store.size(name_of(file, settings)) != file.stat().st_size:
            store.put(name_of(file, settings), file)
    if not is_there:
        store.put(name, document)


def shared_document(path: Path, settings: Settings) -> tuple[bytes, dict[str, Any]] | None:
    """Return the bytes and the content of the store's document for a path in the data folder.

    None if there is no store, no such document, or a damaged one; a damaged one is logged.
    """
    if (store := shared_store(settings)) is None or (content := store.read(name_of(path, settings))) is None:
        return None
    try:
        document = json.loads(content)
        if document.pop("sha256") == document_sha256(document):
            return content, document
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        pass
    log.warning("%s in the shared store is damaged, and is not used", name_of(path, settings))
    return None


def is_shared(path: Path, size: int, settings: Settings) -> bool:
    """Return whether the store has a file of this size, in bytes, for a path in the data folder."""
    store = shared_store(settings)
    return store is not None and store.size(name_of(path, settings)) == size


def fetch_document(path: Path, settings: Settings) -> bool:
    """Copy a document that is missing in the data folder from the store; return whether it is there now."""
    if path.is_file():
        return True
    if (found := shared_document(path, settings)) is None:
        return False
    with writing(path.parent), atomic_file(path) as temporary:
        temporary.write_bytes(found[0])
    return True


def fetch_file(path: Path, sha256: str, settings: Settings) -> bool:
    """Copy a file that is missing in the data folder from the store, if the store's has this SHA-256.

    Another file is deleted in the store, so that whoever makes it again copies it there. Returns whether the file is
    here now. Raises UserError when the disk is full.
    """
    return path.exists() or _copied(path, sha256, settings)


def _copied(path: Path, sha256: str, settings: Settings) -> bool:
    """As `fetch_file`, also over a file with other bytes."""
    if (store := shared_store(settings)) is None:
        return False
    name = name_of(path, settings)
    try:
        with writing(path.parent), atomic_file(path) as temporary:
            if not store.get(name, temporary):
                raise _Refused("is missing")
            if file_sha256(temporary) != sha256:
                store.delete(name)
                raise _Refused("was damaged (its checksum was wrong), and is deleted")
    except _Refused as refused:
        log.warning("%s in the shared store %s: it is made again", name, refused)
        return False
    return True


class _Refused(Exception):
    """A file of the store can't be used."""


def fetch_folder(folder: Path, settings: Settings, document: str = COMMIT) -> bool:
    """Copy a folder from the store whose document lists {name: SHA-256} under `files`; the document is copied last.

    Returns whether the folder has the document now. A damaged file in the data folder must have been set aside before.
    """
    path = folder / document
    if path.exists():
        return True
    if (found := shared_document(path, settings)) is None:
        return False
    files = found[1]["files"]
    if any(Path(name).name != name for name in files):
        log.warning("%s in the shared store lists files of other folders, and is not used", name_of(path, settings))
        return False
    with writing(folder):
        if not all(
            _is_here(folder / name, files[name]) or _copied(folder / name, files[name], settings) for name in files
        ):
            return False
        with atomic_file(path) as temporary:
            temporary.write_bytes(found[0])
    return True


def _is_here(file: Path, sha256: str) -> bool:
    try:
        check_file(file, sha256, "")
    except Damaged:
        return False
    return True
