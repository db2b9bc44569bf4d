"""PNG files of any depth and kind, written by hand: Pillow writes no transparent colour of 16, 4 or 2 bits."""

import struct
import zlib

GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def samples(*values: int) -> bytes:
    """As a transparent colour is written, whatever the depth."""
    return struct.pack(f">{len(values)}H", *values)


def png(depth: int, colour: int, row: list[int], *, transparent: bytes = b"", palette: list[int] = ()) -> bytes:
    """An image of one row: `depth` bits a sample."""
    bits = "".join(format(value, f"0{depth}b") for value in row)
    bits += "0" * (-len(bits) % 8)
    pixels = bytes(int(bits[start : start + 8], 2) for start in range(0, len(bits), 8))
    header = struct.pack(">IIBBBBB", len(row) // CHANNELS[colour], 1, depth, colour, 0, 0, 0)
    parts = [chunk(b"IHDR", header)]
    parts += [chunk(b"PLTE", bytes(palette))] if palette else []
    parts += [chunk(b"tRNS", transparent)] if transparent else []
    return b"".join([b"\x89PNG\r\n\x1a\n", *parts, chunk(b"IDAT", zlib.compress(b"\0" + pixels)), chunk(b"IEND", b"")])
