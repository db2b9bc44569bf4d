"""Sheets of patches: the top patches of a feature or a neuron side by side in one WebP file."""

import hashlib
import io
import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Protocol

import numpy as np
from PIL import Image

from tasks.keys import file_sha256
from tasks.report.previous import Previous

GAP = 4
"""Pixels between two patches. Half of them repeat the edge of either, so that scaling does not mix the two."""
LARGEST_SIDE = 16383
"""WebP stores no picture that is wider or higher, pixels."""
QUALITY = 90
"""Stored patches have 82. A lossless sheet would take four times the space."""
METHOD = 0
"""The fastest one; the others take up to three times as long for 5 % less."""
SHEETS_AT_ONCE = 64
"""Sheets that are drawn together, in about 0.2 s."""
UNWRITTEN = 8
"""Times SHEETS_AT_ONCE, sheets that wait until they are written; limits the memory."""


def sheet(patches: Sequence[bytes]) -> bytes:
    """Return a WebP file with square patches in a row, GAP pixels apart, each as large as the largest."""
    pictures = [Image.open(io.BytesIO(patch), formats=("WEBP",)).convert("RGB") for patch in patches]
    side = min(max(max(picture.size) for picture in pictures), (LARGEST_SIDE + GAP) // len(pictures) - GAP)
    strip_yxc = np.empty((side, len(pictures) * (side + GAP), 3), dtype=np.uint8)
    for place, picture in enumerate(pictures):
        cell_yxc = np.asarray(picture if picture.size == (side, side) else picture.resize((side, side)))
        around_yxc = strip_yxc[:, place * (side + GAP) : (place + 1) * (side + GAP)]
        around_yxc[:, : GAP // 2] = cell_yxc[:, :1]
        around_yxc[:, GAP // 2 : -GAP // 2] = cell_yxc
        around_yxc[:, -GAP // 2 :] = cell_yxc[:, -1:]
    strip_yxc = np.ascontiguousarray(strip_yxc[:, GAP // 2 : -GAP // 2])
    file = io.BytesIO()
    Image.fromarray(strip_yxc).save(file, "WEBP", quality=QUALITY, method=METHOD)
    return file.getvalue()


def first_patch(file: Path) -> Image.Image:
    """Return the first patch of a sheet, RGB."""
    with Image.open(file) as picture:
        return picture.convert("RGB").crop((0, 0, picture.height, picture.height))


@cache
def _made_by() -> bytes:
    """What makes a sheet from its patches: this file and Pillow."""
    return f"{file_sha256(Path(__file__))} {version('pillow')}".encode()


def made_from(patches: Sequence[bytes]) -> str:
    """Return the SHA-256 (64 hex digits) of the patches and the code of their sheet."""
    digest = hashlib.sha256(_made_by())
    for patch in patches:
        digest.update(b"%d " % len(patch))
        digest.update(patch)
    return digest.hexdigest()


def draw_sheets(sheets: Sequence[Sequence[bytes]]) -> list[bytes]:
    """Return the WebP file of each sheet, given its patches."""
    return [sheet(patches) for patches in sheets]


class Drawing(Protocol):
    """Sheets that are being drawn."""

    def result(self) -> list[bytes]: ...


Draw = Callable[[list[Sequence[bytes]]], Drawing]


class SheetWriter:
    """Writes sheets, and links those that the previous site made from the same patches.

    folder: that of the site; the sheets lie in its subfolder `patches`. draw: starts `draw_sheets` elsewhere; default:
    threads on all processors. Sheets are complete when the `with` block ends. Several threads may add sheets.
    """

    def __init__(self, folder: Path, previous: Previous, draw: Draw | None = None) -> None:
        self.folder = folder
        self.made_from: dict[str, str] = {}
        self._previous = previous
        self._threads = ThreadPoolExecutor(os.cpu_count())
        self._draw = draw or (lambda patches: self._threads.submit(draw_sheets, patches))
        self._lock = Lock()
        self._next: list[tuple[str, Sequence[bytes]]] = []
        self._drawn: deque[tuple[list[str], Drawing]] = deque()

    def __enter__(self) -> "SheetWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._start()
                while self._drawn:
                    self._write()
        finally:
            self._threads.shutdown(cancel_futures=True)

    def add(self, name: str, patches: Sequence[bytes]) -> str:
        """Write a sheet, patches/NAME.webp, soon; return its name."""
        file = f"patches/{name}.webp"
        self.made_from[file] = made_from(patches)
        if not self._previous.link_made(file, self.made_from[file], self.folder):
            with self._lock:
                self._next.append((file, patches))
                if len(self._next) == SHEETS_AT_ONCE:
                    self._start()
                if len(self._drawn) > UNWRITTEN:
                    self._write()
        return name

    def _start(self) -> None:
        """Start to draw the sheets that were added last."""
        if self._next:
            files, patches = zip(*self._next, strict=True)
            self._drawn.append((list(files), self._draw(list(patches))))
            self._next = []

    def _write(self) -> None:
        """Write the sheets that were started first."""
        files, drawing = self._drawn.popleft()
        for file, content in zip(files, drawing.result(), strict=True):
            (self.folder / file).write_bytes(content)
