"""Sheets of patches: the top patches of a feature or a neuron side by side in one WebP file."""

import hashlib
import io
import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import TracebackType

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
SHEETS_AT_ONCE = 128


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


class SheetWriter:
    """Writes sheets on all processors, and links those that the previous site made from the same patches.

    folder: that of the site; the sheets lie in its subfolder `patches`. Sheets are complete when the `with` block ends.
    Several threads may add sheets.
    """

    def __init__(self, folder: Path, previous: Previous) -> None:
        self.folder = folder
        self.made_from: dict[str, str] = {}
        self._previous = previous
        self._pool = ThreadPoolExecutor(os.cpu_count())
        self._waiting: deque[Future[None]] = deque()

    def __enter__(self) -> "SheetWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            while self._waiting and error is None:
                self._waiting.popleft().result()
        finally:
            self._pool.shutdown(cancel_futures=True)

    def add(self, name: str, patches: Sequence[bytes]) -> str:
        """Write a sheet, patches/NAME.webp, soon; return its name."""
        file = f"patches/{name}.webp"
        self.made_from[file] = made_from(patches)
        if not self._previous.link_made(file, self.made_from[file], self.folder):
            self._waiting.append(self._pool.submit(self._write, file, patches))
        if len(self._waiting) > SHEETS_AT_ONCE:
            self._waiting.popleft().result()
        return name

    def _write(self, file: str, patches: Sequence[bytes]) -> None:
        (self.folder / file).write_bytes(sheet(patches))
