"""WebDataset shards: tar files whose members KEY.jpg, KEY.cls, … belong to one sample (docs/images.md).

An image's name is OFFSET+SIZE/MEMBER, so that it is read without a search through the shard.
"""

import json
import posixpath
import tarfile
from collections.abc import Iterator
from typing import BinaryIO

from tasks.errors import LONGEST, UserError, one_line
from tasks.vision.addresses import suffix_of
from tasks.vision.decoding import SUFFIXES

LABELS = (".txt", ".json", ".cls")
"""Members that hold a sample's label; a later one stands over an earlier one."""
LARGEST_LABEL = 64 << 10
"""Bytes of the largest member that is read for a label."""
BLOCK = 512
LARGEST_IMAGE = 256 << 20
"""Bytes of the largest image that is read."""


def shard_entries(shard: BinaryIO, where: str) -> Iterator[tuple[str, str | None]]:
    """Yield name and label of each image of a shard, in its order. Raises UserError if the shard is damaged."""
    sample: tuple[str, str] | None = None
    images: list[str] = []
    labels: dict[str, str | None] = {}
    for member in _members(shard, where):
        folder, file = posixpath.split(member.name)
        if (folder, file.partition(".")[0]) != sample:
            yield from _labelled(images, labels)
            sample, images, labels = (folder, file.partition(".")[0]), [], {}
        suffix = suffix_of(file)
        if suffix in SUFFIXES:
            images.append(f"{member.offset_data}+{member.size}/{member.name}")
        elif suffix in LABELS and member.size <= LARGEST_LABEL:
            shard.seek(member.offset_data)
            labels[suffix] = _label(shard.read(member.size), suffix)
    yield from _labelled(images, labels)


def read_member(shard: BinaryIO, offset: int, size: int) -> bytes:
    """Return an image's bytes. Raises OSError if the shard ends before it does, ValueError if it is too large."""
    if size > LARGEST_IMAGE:
        raise ValueError(f"larger than {LARGEST_IMAGE >> 20} MiB")
    shard.seek(offset)
    content = shard.read(size)
    if len(content) < size:
        raise OSError("the shard ends before the image does")
    if not content:
        raise OSError("empty file")
    return content


def _members(shard: BinaryIO, where: str) -> Iterator[tarfile.TarInfo]:
    """Yield the members that are files. tarfile takes a damaged header for the end; this function raises UserError."""
    last = None
    try:
        with tarfile.open(fileobj=shard, mode="r:") as archive:
            while (member := archive.next()) is not None:
                last = member.name
                # it would keep them all
                archive.members.clear()  # type: ignore[attr-defined]  # typeshed lacks it
                if member.isreg():
                    yield member
            shard.seek(archive.offset)
            end = shard.read(BLOCK)
    except tarfile.TarError as error:
        if last is None:
            raise UserError(f"{where} is not an uncompressed tar file ({one_line(error)}): write it anew") from error
        raise UserError(f"{where} is damaged after {one_line(last)} ({one_line(error)}): write it anew") from error
    if end != bytes(BLOCK):
        raise UserError(f"{where} is damaged after {one_line(last)} (no header of a member): write it anew")


def _labelled(images: list[str], labels: dict[str, str | None]) -> Iterator[tuple[str, str | None]]:
    label = next((labels[suffix] for suffix in reversed(LABELS) if labels.get(suffix)), None)
    return ((image, label) for image in images)


def _label(content: bytes, suffix: str) -> str | None:
    """Return the label that a member states; of JSON, the entry label or cls."""
    try:
        text = content.decode().strip()
        if suffix == ".json":
            entries = json.loads(text)
            text = str(entries.get("label", entries.get("cls", ""))).strip()
    except (ValueError, AttributeError, RecursionError):
        return None
    return text if 0 < len(text) <= LONGEST else None
