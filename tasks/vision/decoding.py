"""Decode image files to 8-bit RGB: JPEG, PNG and WebP.

Transparency is composited over mid grey, 16 bits are scaled to 8, EXIF orientation is applied, colour profiles are
ignored, and of an animation the first frame is used.
"""

import threading
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
FORMATS = ("JPEG", "PNG", "WEBP")
GREY = (128, 128, 128)

_opening = threading.Lock()


def decode(file: Path | bytes) -> Image.Image:
    """Decode a file, given by its path or content, to an RGB image.

    Raises Pillow's errors if it is damaged, too large or not JPEG, PNG or WebP.
    """
    with _opened(file) as image:
        arguments = image.tile[0].args if image.format == "PNG" and image.tile else None
        rawmode = arguments if isinstance(arguments, str) else None
        image.load()
        upright = ImageOps.exif_transpose(_in_eight_bits(image, rawmode, file))
    if "transparency" in upright.info or upright.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        foreground = upright.convert("RGBA")
        background = Image.new("RGBA", foreground.size, (*GREY, 255))
        return Image.alpha_composite(background, foreground).convert("RGB")
    return upright.convert("RGB")


def _opened(file: Path | bytes) -> ImageFile.ImageFile:
    # locked, because Python's warning filters are shared by all threads
    with _opening, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(BytesIO(file) if isinstance(file, bytes) else file, formats=FORMATS)


def _in_eight_bits(image: Image.Image, rawmode: str | None, file: Path | bytes) -> Image.Image:
    """Return the loaded image with 8 bits per channel. rawmode: how a PNG file stores its pixels.

    A PNG's transparent colour has the file's bit depth. Pillow compares it with pixels of 8 bits, so for other depths
    this function makes the comparison.
    """
    transparent = image.info.get("transparency")
    if rawmode in ("L;2", "L;4") and transparent is not None:
        image.info["transparency"] = transparent * (85 if rawmode == "L;2" else 17)
    if image.mode.startswith("I"):
        pixels_yx = np.asarray(image, dtype=np.uint32)
        colours = Image.fromarray(((pixels_yx * 255 + 32767) // 65535).astype(np.uint8))
        opaque_yx = pixels_yx != transparent
    elif rawmode == "RGB;16B" and transparent is not None:
        with _opened(file) as low_bytes:
            # Pillow keeps only the high byte of 16 bits; with the other byte order it keeps the low one
            low_bytes.tile = [low_bytes.tile[0]._replace(args="RGB;16L")]
            low_bytes.load()
            pixels_yxc = np.asarray(image, dtype=np.uint32) << 8 | np.asarray(low_bytes)
        colours = image.convert("RGB")
        opaque_yx = (pixels_yxc != transparent).any(2)
    else:
        return image
    if transparent is not None:
        colours.putalpha(Image.fromarray(opaque_yx.astype(np.uint8) * 255))
    # keeps the EXIF orientation
    colours.info = {name: value for name, value in image.info.items() if name != "transparency"}
    return colours


def why_unreadable(error: Exception) -> str:
    """Return in one line why an image was quarantined."""
    if isinstance(error, Image.UnidentifiedImageError):
        return "not a JPEG, PNG or WebP image"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"more pixels than Pillow's limit of {Image.MAX_IMAGE_PIXELS}"
    if isinstance(error, PermissionError):
        return "no permission to read"
    if isinstance(error, FileNotFoundError):
        return "file is gone"
    return " ".join(str(error).split()) or type(error).__name__
