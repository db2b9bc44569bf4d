"""The pictures of the sample tables: WebP images of planted features and of coloured waves."""

import io

import numpy as np
from PIL import Image, ImageDraw

from tests.sample_tables.planted import FOLDS, planted_orientation, planted_type

PATCH_SIDE = 31
WAVES_SIDE = 64


def webp(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", quality=80)
    return file.getvalue()


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def patch(feature: int, rank: int) -> bytes:
    """What the planted feature looks like: an arc, a line, a cross, a disc or grain; paler with rank."""
    fold = FOLDS[planted_type(feature)]
    centre, ink = PATCH_SIDE // 2, 10 + 20 * rank
    picture = Image.new("RGB", (PATCH_SIDE, PATCH_SIDE), (128, 128, 128 + 3 * feature))
    pen = ImageDraw.Draw(picture)
    if fold is None:
        grain = np.random.default_rng(feature).integers(0, 256, (PATCH_SIDE, PATCH_SIDE, 3), dtype=np.uint8)
        picture = Image.fromarray(grain)
    elif fold == 0:
        pen.ellipse((centre - 7, centre - 7, centre + 7, centre + 7), fill=(ink, ink, ink))
    elif fold == 1:
        towards = np.deg2rad(planted_orientation(feature))
        x, y = centre + 12 * np.cos(towards), centre - 12 * np.sin(towards)
        pen.ellipse((x - 12, y - 12, x + 12, y + 12), outline=(ink, ink, ink), width=3)
    else:
        for turn in (0, 90)[: fold // 2]:
            angle = np.deg2rad(planted_orientation(feature) + turn)
            dx, dy = 14 * np.cos(angle), -14 * np.sin(angle)
            pen.line((centre - dx, centre - dy, centre + dx, centre + dy), fill=(ink, ink, ink), width=3)
    return webp(np.asarray(picture))


def waves(number: int, sign: int = 1) -> bytes:
    """Coloured waves whose angle depends on `number`; a `sign` of -1 gives the negative image."""
    return webp(wave_pixels(number, sign))


def wave_pixels(number: int, sign: int = 1) -> np.ndarray:
    y, x = np.mgrid[:WAVES_SIDE, :WAVES_SIDE]
    along = (x * np.cos(number) + y * np.sin(number)) / 6
    wave = np.stack([np.sin(along + shift) for shift in (0, 2, 4)], axis=2)
    return (127.5 + 100 * sign * wave).astype(np.uint8)
