"""Photographs at an address: a folder, lists of paths, tables of images, or shards; local or remote (docs/images.md).

The source lists names and labels first, and then reads an image by its name alone. The name of an image inside a file
says where it is: SHARD.tar@OFFSET+SIZE/MEMBER, TABLE.parquet@ROW or TABLE.arrow@BATCH+ROW.
"""

import math
import posixpath
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import product
from pathlib import Path

import polars
from PIL import Image

from tasks.config import URL
from tasks.errors import UserError, one_line
from tasks.vision.addresses import Folder, LocalFolder, RemoteFolder, suffix_of
from tasks.vision.decoding import SUFFIXES, decode
from tasks.vision.image_tables import LISTS, ArrowTable, ParquetTable, list_of_paths
from tasks.vision.listing import Listing
from tasks.vision.tar_shards import read_member, shard_entries

IN_A_FOLDER = (".tar", ".parquet", ".arrow")
"""Kinds of files that are read from a folder without image files; of several, the first kind."""
FILES = (*LISTS, *IN_A_FOLDER)
INSIDE = re.compile(
    r"(?P<file>.+?(?P<suffix>\.tar|\.parquet|\.arrow))@(?P<first>\d+)(?:\+(?P<second>\d+))?(?:/.+)?", re.I | re.S
)
"""The name of an image inside a file."""
BRACES = re.compile(r"(\{\d{1,9}\.\.\d{1,9}\}|\{[^{}]*,[^{}]*\})")
PATTERN = re.compile(rf"{BRACES.pattern}|\*")
OPEN_FILES = 8
MOST_FILES = 100_000


class Photographs:
    """The photographs at an address.

    folder: where they are; files: the names of the files in it that hold or list them; None: those that the folder has.
    """

    def __init__(self, folder: Folder, files: list[str] | None = None) -> None:
        self.folder, self._files = folder, files
        self._open = lru_cache(OPEN_FILES)(folder.open)
        self._table = lru_cache(OPEN_FILES)(self._open_table)

    def listing(self) -> Listing:
        """List the images, those of a folder in the order of their names.

        Raises UserError if there are none, and if a file can't be read, is damaged or lacks a column of paths.
        """
        if self._files is not None:
            return self._of_files(self._files)
        images = Listing.of((name, None) for name in self.folder.files(SUFFIXES))
        if len(images):
            return Listing(images.table.sort("name"))
        for suffix in IN_A_FOLDER:
            files = sorted(self.folder.files((suffix,)))
            # `datasets` keeps results of its own in cache-….arrow
            if files := [file for file in files if not posixpath.basename(file).startswith("cache-")]:
                return self._of_files(files)
        raise UserError(f"images folder {self.folder} contains no JPEG, PNG or WebP file: choose one with photographs")

    def origin(self, name: str) -> str:
        """Return the sample of an image in a tar shard, and of other images the name."""
        inside = INSIDE.fullmatch(name)
        if inside is None or inside["suffix"].lower() != ".tar":
            return name
        folder, member = posixpath.split(name[inside.end("second") + 1 :])
        return f"{inside['file']}@{posixpath.join(folder, member.partition('.')[0])}"

    def read(self, name: str) -> Image.Image:
        """Decode an image. Raises UserError if a server doesn't answer, any other error if the image is damaged."""
        inside = INSIDE.fullmatch(name)
        if inside is None:
            return decode(self._image(name))
        first, second = int(inside["first"]), int(inside["second"] or 0)
        if inside["suffix"].lower() == ".tar":
            return decode(read_member(self._open(inside["file"]), first, second))
        table = self._table(inside["file"])
        content = table.image(first) if isinstance(table, ParquetTable) else table.image(first, second)
        return decode(self._image(content) if isinstance(content, str) else content)

    def _image(self, name: str) -> Path | bytes:
        """Return what an image is decoded from; name: a path, which may be a URL."""
        if not URL.match(name):
            return self.folder.image(name)
        folder, _, file = name.rpartition("/")
        return _remote(folder).image(file)

    def _of_files(self, files: list[str]) -> Listing:
        listing = Listing(polars.concat([self._of_file(file).table for file in files]))
        if not len(listing):
            raise UserError(f"{self.folder}/{one_line(files[0])} lists no image: choose one with photographs")
        return listing

    def _of_file(self, file: str) -> Listing:
        suffix, where = suffix_of(file), f"{self.folder}/{one_line(file)}"
        if suffix == ".tar":
            return _inside(file, shard_entries(self._open(file), where))
        if suffix in LISTS:
            paths = list_of_paths(self._open(file), suffix, where)
            return _beside(file, Listing(paths.with_columns(polars.col("name").cast(polars.Binary))))
        table = self._table(file)
        if table.columns.list_path:
            return _beside(file, Listing.of(table.entries()))
        return _inside(file, table.entries())

    def _open_table(self, file: str) -> ParquetTable | ArrowTable:
        kind = ParquetTable if suffix_of(file) == ".parquet" else ArrowTable
        return kind(self._open(file), f"{self.folder}/{one_line(file)}")


def _inside(file: str, entries: Iterable[tuple[str, str | None]]) -> Listing:
    return Listing.of((f"{file}@{name}", label) for name, label in entries)


def _beside(file: str, paths: Listing) -> Listing:
    """Return paths relative to a list's folder as paths relative to the folder that is read."""
    folder = posixpath.dirname(file)
    if not folder:
        return paths
    entries = paths.entries()
    return Listing.of((path if URL.match(path) else posixpath.join(folder, path), label) for path, label in entries)


@lru_cache(OPEN_FILES)
def _remote(url: str) -> RemoteFolder:
    return RemoteFolder(url)


def open_photographs(wanted: Path | str | None, images_dir: Path | str | None) -> Photographs:
    """Open the photographs at an address, by default those of `images_dir`, without listing them.

    A relative path that doesn't exist in the working directory is resolved in `images_dir`. Raises UserError if nothing
    is there.
    """
    address = wanted or images_dir
    if address is None:
        raise UserError("no images folder is configured: set KALEIDOSCOPE_IMAGES_DIR or images.folder")
    if images_dir and isinstance(address, Path) and not _can_be_read(address):
        inside = f"{images_dir.rstrip('/')}/{address}" if isinstance(images_dir, str) else images_dir / address
        if isinstance(inside, str) or _can_be_read(inside):
            address = inside
    if isinstance(address, str):
        return _at_url(address)
    if address.is_dir():
        return Photographs(LocalFolder(address))
    if _can_be_read(address):
        folder = LocalFolder(address.parent)
        return Photographs(folder, [address.name] if address.is_file() else _matching(folder, address.name))
    if suffix_of(address.name) in FILES:
        raise UserError(f"{one_line(address)} does not exist: check the path")
    problem = "is a file, not a folder" if address.exists() else "does not exist"
    remedy = "give another folder" if wanted else "set KALEIDOSCOPE_IMAGES_DIR to a folder"
    raise UserError(f"images folder {one_line(address)} {problem}: {remedy} of photographs")


def _can_be_read(path: Path) -> bool:
    """Whether a path is a folder, a file that holds or lists images, or a pattern of such files."""
    if path.is_dir() or suffix_of(path.name) not in FILES:
        return path.is_dir()
    return path.is_file() or (PATTERN.search(path.name) is not None and path.parent.is_dir())


def _at_url(url: str) -> Photographs:
    match = URL.match(url)
    assert match is not None
    protocol = match.group()
    folder, _, file = url.removeprefix(protocol).rstrip("/").rpartition("/")
    if suffix_of(file) not in FILES:
        return Photographs(RemoteFolder(url))
    beside = RemoteFolder(protocol + folder)
    return Photographs(beside, _matching(beside, file))


def _matching(folder: Folder, pattern: str) -> list[str]:
    """Return the names that a pattern stands for. Raises UserError if there is none, or if there are too many."""
    parts = [_choices(part) for part in BRACES.split(pattern)]
    if math.prod(map(len, parts)) > MOST_FILES:
        raise UserError(f"{one_line(pattern)} stands for more than {MOST_FILES:,} files: give fewer")
    names = []
    for name in map("".join, product(*parts)):
        names += sorted(file for file in folder.names() if fnmatchcase(file, name)) if "*" in name else [name]
    if not names:
        raise UserError(f"no file in {folder} has a name like {one_line(pattern)}: correct the address")
    return names


def _choices(part: str) -> list[str]:
    """Return what braces stand for: {00..12} numbers as long as the first, {a,b} either; other text is itself."""
    if not BRACES.fullmatch(part):
        return [part]
    first, dots, last = part[1:-1].partition("..")
    if not dots:
        return part[1:-1].split(",")
    numbers = range(int(first), min(int(last), int(first) + MOST_FILES) + 1)
    return [f"{number:0{len(first)}}" for number in numbers]
