"""Damage that tests do to bytes and files."""

import os
from pathlib import Path


def flipped(data: bytes, bit: int) -> bytes:
    """The same bytes but for one bit."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def flip(file: Path, bit: int) -> None:
    """Flip one bit of a file where it is, as a failing disk does; `bit` wraps around the file's size.

    The modification time moves on, as a test's flip may follow the writing within one tick of the clock.
    """
    data = file.read_bytes()
    mode, status = file.stat().st_mode, file.stat()
    file.chmod(0o644)
    file.write_bytes(flipped(data, bit % (8 * len(data))))
    file.chmod(mode)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
