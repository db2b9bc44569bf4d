"""Folders that hold images or files of images: on this machine, or at a URL that fsspec opens.

Both kinds list their files, open one, and return what an image is decoded from. What a server refuses or doesn't answer
is a UserError of one line.
"""

import io
import os
import posixpath
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from tasks.errors import UserError, one_line
from tasks.remote import answering, filesystem_at


class Folder(Protocol):
    """A folder of images or of files of images; `str` of it is its name in messages."""

    def files(self, suffixes: tuple[str, ...]) -> Iterator[str]:
        """Yield the relative paths of the files with one of the suffixes, in subfolders too, unsorted."""

    def names(self) -> list[str]:
        """Return the names of what is in the folder itself."""

    def open(self, name: str) -> BinaryIO:
        """Open a file, to be read at any position. Raises UserError if it can't be read."""

    def image(self, name: str) -> Path | bytes:
        """Return what `decode` takes. Raises OSError if the file can't be read, UserError if a server fails."""


def suffix_of(name: str) -> str:
    """Return the suffix of a file's name in small letters, or "", by pathlib's rules."""
    dot = name.rfind(".")
    return name[dot:].lower() if 0 < dot < len(name) - 1 else ""


class LocalFolder:
    """A folder of this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return one_line(self.path)

    def files(self, suffixes: tuple[str, ...]) -> Iterator[str]:
        """Yield as `Folder.files`; symbolic links are followed.

        A file that several paths lead to is yielded once, by a path without links if there is one. Broken links and
        folders that can't be listed are yielded as well; reading them gives the error.
        """
        return _Walk(self.path, suffixes).files()

    def names(self) -> list[str]:
        return os.listdir(self.path)

    def open(self, name: str) -> BinaryIO:
        path = self.path / name
        # opening a pipe or a device could block forever
        if not path.is_file():
            raise UserError(f"{one_line(path)} {'is not a regular file' if path.exists() else 'does not exist'}")
        try:
            return open(path, "rb")
        except OSError as error:
            raise UserError(f"{one_line(path)} can't be read: {error.strerror}") from error

    def image(self, name: str) -> Path:
        path = self.path / name
        if path.is_symlink() and not path.exists():
            raise OSError(f"a broken link to {path.readlink()}")
        if path.is_dir():
            raise OSError("a folder that can't be listed")
        # reading a pipe or a device could block forever
        if path.exists() and not path.is_file():
            raise OSError("not a regular file")
        if path.stat().st_size == 0:
            raise OSError("empty file")
        return path


class _Walk:
    """One walk through a folder of this machine; memory is needed for folders and links, not for files."""

    def __init__(self, root: Path, suffixes: tuple[str, ...]) -> None:
        self.root, self.suffixes = root, suffixes
        self.links: deque[tuple[str, str | None]] = deque([("", os.path.realpath(root))])
        """Path below the root, and real path; None for a broken link."""
        self.visited: set[str] = set()
        """Real paths of folders, and of files that a link led to."""
        self.listed: set[str] = set()
        """Real paths of folders whose files were yielded."""

    def files(self) -> Iterator[str]:
        while self.links:
            name, real = self.links.popleft()
            if real is None:
                yield name
            elif os.path.isdir(os.path.join(self.root, name)):
                yield from self._below(name, real)
            elif not self._was_yielded(real):
                self.visited.add(real)
                yield name

    def _was_yielded(self, real: str) -> bool:
        folder, file = os.path.split(real)
        return real in self.visited or (folder in self.listed and suffix_of(file) in self.suffixes)

    def _below(self, name: str, real: str) -> Iterator[str]:
        """Yield the files of a folder and of its subfolders, and remember their links."""
        waiting = [(name, real)]
        while waiting:
            name, real = waiting.pop()
            if real in self.visited:
                continue
            self.visited.add(real)
            folders, links = [], []
            try:
                with os.scandir(os.path.join(self.root, name)) as entries:
                    for entry in entries:
                        child = os.path.join(name, entry.name)
                        if entry.is_symlink():
                            links.append((child, entry))
                        elif entry.is_dir():
                            folders.append((child, os.path.join(real, entry.name)))
                        elif suffix_of(entry.name) in self.suffixes and (
                            os.path.join(real, entry.name) not in self.visited
                        ):
                            yield child
            except OSError:
                yield name or "."
                continue
            self.listed.add(real)
            waiting += sorted(folders)
            for child, entry in sorted(links, key=lambda link: link[0]):
                if not os.path.exists(entry.path):
                    self.links.append((child, None))
                elif entry.is_dir() or suffix_of(entry.name) in self.suffixes:
                    self.links.append((child, os.path.realpath(entry.path)))


class RemoteFolder:
    """A folder at a URL that fsspec opens. Credentials are in fsspec's configuration or environment variables."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._fs, self._path = filesystem_at(url)

    def __str__(self) -> str:
        return one_line(self.url.rstrip("/"))

    def files(self, suffixes: tuple[str, ...]) -> Iterator[str]:
        # of web pages, fsspec leaves out those that can't be read unless told otherwise
        strictly = {"on_error": "raise"} if self.url.startswith("http") else {}
        with self._listing():
            found = self._fs.find(self._path, **strictly)
            if not found and not self._fs.exists(self._path):
                raise FileNotFoundError
        return (self._below(path) for path in found if suffix_of(posixpath.basename(path)) in suffixes)

    def names(self) -> list[str]:
        with self._listing():
            return [self._below(path.rstrip("/")) for path in self._fs.ls(self._path, detail=False)]

    def open(self, name: str) -> BinaryIO:
        with self._existing(name), self._answering(name):
            # to typeshed, io's base classes are no BinaryIO
            return cast(BinaryIO, _Answering(self._fs.open(self._join(name), "rb"), self, name))

    def image(self, name: str) -> bytes:
        with self._answering(name):
            content = self._fs.cat_file(self._join(name))
        if not content:
            raise OSError("empty file")
        return content

    def _join(self, name: str) -> str:
        return f"{self._path}/{posixpath.normpath(name).lstrip('/')}"

    def _below(self, path: str) -> str:
        # memory:// begins its paths with a slash, and S3 doesn't
        return path.lstrip("/").removeprefix(f"{self._path.lstrip('/')}/")

    def _named(self, name: str) -> str:
        return f"{self}/{one_line(name)}" if name else str(self)

    @contextmanager
    def _listing(self) -> Iterator[None]:
        with self._answering(), self._existing():
            yield
            # fsspec would keep all that it listed, and not notice new files
            self._fs.invalidate_cache()

    @contextmanager
    def _existing(self, name: str = "") -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise UserError(f"{self._named(name)} does not exist: check the address") from error

    def _answering(self, name: str = "") -> AbstractContextManager[None]:
        return answering(self._named(name))


class _Answering(io.RawIOBase):
    """A remote file whose errors are those of its folder."""

    def __init__(self, file: BinaryIO, folder: RemoteFolder, name: str) -> None:
        self._file, self._folder, self._name = file, folder, name

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        with self._folder._answering(self._name):
            return self._file.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        with self._folder._answering(self._name):
            return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()
        super().close()
