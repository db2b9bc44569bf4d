"""What a file calls transparent is mid grey, at every depth; what only resembles it stays."""

import io

import numpy as np
import pytest
from PIL import Image

from tasks.vision.decoding import decode
from tests.tasks.vision.png import GREY, GREY_ALPHA, PALETTE, RGB, RGB_ALPHA, png, samples

GREEN = [255, 0, 0, 0, 255, 0, 0, 0, 255]


def pixels(tmp_path, data: bytes) -> list:
    file = tmp_path / "a.png"
    file.write_bytes(data)
    return np.asarray(decode(file))[0].tolist()


def grey(*values: int) -> list:
    return [[value] * 3 for value in values]


@pytest.mark.parametrize(
    ("depth", "row", "transparent", "seen"),
    [
        (16, [0, 1000, 65535, 1001], 1000, grey(0, 128, 255, 4)),
        (16, [0, 1000, 65535, 1001], 0, grey(128, 4, 255, 4)),
        (8, [0, 100, 255, 101], 100, grey(0, 128, 255, 101)),
        (4, [0, 5, 15, 6], 5, grey(0, 128, 255, 102)),
        (2, [0, 1, 3, 2], 1, grey(0, 128, 255, 170)),
        (1, [0, 1, 1, 0], 1, grey(0, 128, 128, 0)),
        (1, [0, 1, 1, 0], 0, grey(128, 255, 255, 128)),
    ],
)
def test_a_transparent_grey(tmp_path, depth, row, transparent, seen):
    assert pixels(tmp_path, png(depth, GREY, row, transparent=samples(transparent))) == seen


def test_a_transparent_colour(tmp_path):
    row = [1, 2, 3, 10, 20, 30, 10, 20, 31]
    seen = [[1, 2, 3], [128] * 3, [10, 20, 31]]
    assert pixels(tmp_path, png(8, RGB, row, transparent=samples(10, 20, 30))) == seen
    # of sixteen bits the second eight count too
    row = [0, 0, 0, 10000, 20000, 30000, 10001, 20000, 30000]
    seen = [[0, 0, 0], [128] * 3, [39, 78, 117]]
    assert pixels(tmp_path, png(16, RGB, row, transparent=samples(10000, 20000, 30000))) == seen


@pytest.mark.parametrize("depth", [8, 4, 2])
def test_transparent_entries_of_a_palette(tmp_path, depth):
    data = png(depth, PALETTE, [0, 1, 2, 1], transparent=bytes([255, 0, 128]), palette=GREEN)
    assert pixels(tmp_path, data) == [[255, 0, 0], [128] * 3, [64, 64, 192], [128] * 3]


def test_sixteen_bits_with_alpha(tmp_path):
    assert pixels(tmp_path, png(16, GREY_ALPHA, [0, 65535, 1000, 0, 65535, 32768])) == grey(0, 128, 192)
    row = [0, 0, 0, 65535, 10000, 20000, 30000, 0, 65535, 65535, 65535, 32768]
    assert pixels(tmp_path, png(16, RGB_ALPHA, row)) == grey(0, 128, 192)


def test_sixteen_bits_without_transparency(tmp_path):
    assert pixels(tmp_path, png(16, GREY, [0, 1000, 32768, 65535])) == grey(0, 4, 128, 255)


def test_transparency_turns_with_the_image(tmp_path):
    """Orientation 3: upside down."""
    exif = Image.Exif()
    exif[0x0112] = 3
    plain = png(16, GREY, [0, 1000, 65535], transparent=samples(1000))
    with Image.open(io.BytesIO(plain)) as image:
        image.save(tmp_path / "turned.png", exif=exif, transparency=1000)
    assert np.asarray(decode(tmp_path / "turned.png"))[0].tolist() == grey(255, 128, 0)


@pytest.mark.parametrize(
    ("mode", "colour", "file_format", "options", "seen"),
    [
        ("LA", (40, 0), "PNG", {}, [128] * 3),
        ("LA", (40, 255), "PNG", {}, [40] * 3),
        ("RGBA", (200, 100, 0, 0), "WEBP", {"lossless": True, "exact": True}, [128] * 3),
        ("CMYK", (0, 0, 0, 0), "JPEG", {"quality": 100}, [255] * 3),
        ("CMYK", (0, 0, 0, 255), "JPEG", {"quality": 100}, [0] * 3),
    ],
)
def test_other_modes(tmp_path, mode, colour, file_format, options, seen):
    Image.new(mode, (8, 8), colour).save(tmp_path / "a", file_format, **options)
    assert np.asarray(decode(tmp_path / "a"))[4, 4].tolist() == seen


def test_the_first_frame_of_an_animation(tmp_path):
    first, second = (Image.new("RGBA", (8, 8), colour) for colour in ((250, 0, 0, 255), (0, 0, 250, 255)))
    for file_format in ("WEBP", "PNG"):
        first.save(tmp_path / "a", file_format, save_all=True, append_images=[second], duration=50, lossless=True)
        assert np.asarray(decode(tmp_path / "a"))[4, 4].tolist() == [250, 0, 0]
