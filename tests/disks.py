"""Disks of their own for tests: small, full or read-only."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Disk:
    """A small disk that is mounted at a folder and holds what was there."""

    def __init__(self, folder: Path):
        self.folder, self.ballast = folder, folder / "ballast"

    def fill(self, room: int = 0) -> None:
        """Leave hardly any room: `room` bytes."""
        free = os.statvfs(self.folder)
        with open(self.ballast, "wb") as ballast:
            ballast.write(bytes(max(0, free.f_bavail * free.f_frsize - room)))

    def empty(self) -> None:
        self.ballast.unlink()

    @contextmanager
    def read_only(self) -> Iterator[None]:
        subprocess.run(["mount", "-o", "remount,ro", self.folder], check=True)
        try:
            yield
        finally:
            subprocess.run(["mount", "-o", "remount,rw", self.folder], check=True)


@contextmanager
def disk(folder: Path, megabytes: int = 256) -> Iterator[Disk]:
    """Mount a small disk at a folder, with whatever is in it; skips the test where mounting isn't allowed."""
    aside = folder.with_name(f"{folder.name}-{uuid.uuid4().hex}")
    folder.rename(aside)
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"needs the right to mount a small tmpfs: {mounted.stderr.strip()}")
    try:
        shutil.copytree(aside, folder, symlinks=True, dirs_exist_ok=True)
        yield Disk(folder)
    finally:
        subprocess.run(["umount", folder], check=True)
