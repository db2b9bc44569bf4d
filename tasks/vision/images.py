"""Sources of images: a folder, the photographs inside scikit-image, dead leaves. Images are decoded one at a time.

Every image is converted to 8-bit RGB: transparency is composited over mid grey, 16 bits are scaled to 8, EXIF
orientation is applied, colour profiles are ignored, and of an animation the first frame is used. Files that can't be
read are listed in the quarantine with the reason.
"""

import hashlib
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import torch
from PIL import Image, ImageFile, ImageOps
from pydantic import Field

from tasks.config import Config, Folder, Seed, Whole
from tasks.errors import UserError, one_line
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.vision.dead_leaves import draw_scene

SourceName = Literal["folder", "scikit-image", "dead-leaves"]
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
FORMATS = ("JPEG", "PNG", "WEBP")
SMALLEST_SIDE = 64
"""Pixels. A smaller image, enlarged to a frame, has too little detail for a receptive field."""
RESIZE_RATIO = 256 / 224
"""The usual centre crop: the shorter side is resized to 256, and the central 224 pixels are used."""
GREY = (128, 128, 128)
WEBP_QUALITY = 82


class ImagesConfig(Config):
    """The images to use, and the frame to which they are fitted."""

    sources: tuple[SourceName, ...] = Field(
        (),
        description="any of folder, scikit-image, dead-leaves; "
        "default: folder if one is configured, else the other two",
    )
    folder: Folder | None = Field(
        None,
        description="folder of photographs (JPEG, PNG, WebP), read recursively; default: KALEIDOSCOPE_IMAGES_DIR",
    )
    photographs: Whole | None = Field(
        None, ge=1, description="largest number of photographs from the folder, drawn at random; default: all"
    )
    scenes: Whole = Field(48, ge=1, description="number of dead-leaves scenes to draw")
    frame_size: int = Field(224, ge=32, le=4096, description="side in pixels of the square frame given to the network")
    seed: Seed = Field(0, description="random seed of the scenes, and of the choice of photographs")

    def resolved(self, settings: Settings) -> "ImagesConfig":
        """Return the config with the default of `sources` filled in."""
        if self.sources:
            return self
        has_folder = self.folder is not None or settings.images_dir is not None
        return self.model_copy(update={"sources": ("folder",) if has_folder else ("scikit-image", "dead-leaves")})


@dataclass(frozen=True)
class Frame:
    """A readable image, before it is fitted to a frame.

    image: SHA-256 over size and decoded RGB pixels
    name: unique in its source
    origin: the photograph from which it was cut; all cuts of a photograph belong to the same split
    width, height: in pixels
    """

    image: str
    source: SourceName
    name: str
    origin: str
    width: int
    height: int


_opening = threading.Lock()


def decode(path: Path) -> Image.Image:
    """Decode a file to an RGB image. Raises Pillow's errors if it is damaged, too large or not JPEG, PNG or WebP."""
    with _opened(path) as image:
        rawmode = image.tile[0].args if image.format == "PNG" and image.tile else None
        image.load()
        upright = ImageOps.exif_transpose(_in_eight_bits(image, rawmode, path))
    if "transparency" in upright.info or upright.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        foreground = upright.convert("RGBA")
        background = Image.new("RGBA", foreground.size, (*GREY, 255))
        return Image.alpha_composite(background, foreground).convert("RGB")
    return upright.convert("RGB")


def _opened(path: Path) -> ImageFile.ImageFile:
    # locked, because Python's warning filters are shared by all threads
    with _opening, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(path, formats=FORMATS)


def _in_eight_bits(image: Image.Image, rawmode: object, path: Path) -> Image.Image:
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
        with _opened(path) as low_bytes:
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


def pixel_key(image: Image.Image) -> str:
    """Return the SHA-256 (64 hex digits) over size and RGB pixels."""
    return hashlib.sha256(f"{image.width}x{image.height} RGB\n".encode() + image.tobytes()).hexdigest()


def fit_to_frame(image: Image.Image, frame_size: int) -> Image.Image:
    """Resize the shorter side to 256/224 · frame_size and crop the central square, in one bicubic resampling."""
    scale = min(image.size) / round(frame_size * RESIZE_RATIO)
    # the crop starts at a whole pixel of the resized image, so that an image of that size is cropped without resampling
    left, top = (round((side / scale - frame_size) / 2) * scale for side in image.size)
    box = (left, top, left + frame_size * scale, top + frame_size * scale)
    return image.resize((frame_size, frame_size), Image.Resampling.BICUBIC, box=box)


def rgb_tensor(image: Image.Image) -> torch.Tensor:
    """Return an RGB image as uint8 [3, height, width]."""
    return torch.from_numpy(np.asarray(image).transpose(2, 0, 1).copy())


def webp(image_cyx: torch.Tensor) -> bytes:
    """Encode a picture [3, h, w], values 0 to 255, as WebP; small enough to store every example of every feature."""
    buffer = BytesIO()
    pixels_yxc = image_cyx.round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    Image.fromarray(pixels_yxc).save(buffer, "WEBP", quality=WEBP_QUALITY)
    return buffer.getvalue()


class Source(Protocol):
    """A source of images."""

    def names(self) -> Iterator[str]:
        """Return the names of all candidates, in a deterministic order."""

    def origin(self, name: str) -> str:
        """Return the photograph from which the image was cut."""

    def read(self, name: str) -> Image.Image:
        """Read an image as RGB."""


def _photographs(root: Path) -> Iterator[Path]:
    """Yield files with an image's suffix in a folder and its subfolders, unsorted; symbolic links are followed.

    A file that several paths lead to is yielded once, by a path without links if there is one. Broken links and folders
    that can't be listed are yielded as well; reading them gives the error.
    """
    visited: set[Path] = set()
    waiting = [(root, root.resolve())]
    links: list[tuple[Path, Path]] = []
    while waiting or links:
        path, real = waiting.pop() if waiting else links.pop(0)
        if real in visited:
            continue
        visited.add(real)
        if not path.is_dir():
            yield path
            continue
        try:
            entries = sorted(os.scandir(path), key=lambda entry: entry.name)
        except OSError:
            yield path
            continue
        for entry in entries:
            child = path / entry.name
            if not entry.is_symlink():
                if entry.is_dir() or child.suffix.lower() in SUFFIXES:
                    waiting.append((child, real / entry.name))
            elif not child.exists():
                links.append((child, child))
            elif entry.is_dir() or child.suffix.lower() in SUFFIXES:
                links.append((child, child.resolve()))


class PhotographFolder:
    """Photographs of a folder and its subfolders, named by their path relative to it.

    A relative path that doesn't exist in the working directory is resolved in the images folder of the settings.
    """

    def __init__(self, config: ImagesConfig, settings: Settings) -> None:
        root = config.folder or settings.images_dir
        if root and settings.images_dir and not root.is_dir() and (settings.images_dir / root).is_dir():
            root = settings.images_dir / root
        if root is None:
            raise UserError("no images folder is configured: set KALEIDOSCOPE_IMAGES_DIR or images.folder")
        if not root.is_dir():
            problem = "is a file, not a folder" if root.exists() else "does not exist"
            remedy = "give another folder" if config.folder else "set KALEIDOSCOPE_IMAGES_DIR to a folder"
            raise UserError(f"images folder {one_line(root)} {problem}: {remedy} of photographs")
        self.root, self.config = root, config

    def names(self) -> Iterator[str]:
        names = sorted(path.relative_to(self.root).as_posix() for path in _photographs(self.root))
        if not names:
            raise UserError(
                f"images folder {one_line(self.root)} contains no JPEG, PNG or WebP file: choose one with photographs"
            )
        if self.config.photographs is not None:
            names = np.random.default_rng(self.config.seed).permutation(np.array(names, dtype=object)).tolist()
        return iter(names)

    def origin(self, name: str) -> str:
        return name

    def read(self, name: str) -> Image.Image:
        path = self.root / name
        if path.is_symlink() and not path.exists():
            raise OSError(f"a broken link to {path.readlink()}")
        if path.is_dir():
            raise OSError("a folder that can't be listed")
        # reading a pipe or a device could block forever
        if not path.is_file():
            raise OSError("not a regular file")
        if path.stat().st_size == 0:
            raise OSError("empty file")
        return decode(path)


class ScikitImage:
    """The natural photographs inside scikit-image's wheel, each cut into squares at up to three scales.

    The name of a cut is file@side+left+top, in pixels of the photograph.
    """

    PHOTOGRAPHS = (
        "astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "grass.png",
        "gravel.png", "hubble_deep_field.jpg", "moon.png", "motorcycle_left.png", "rocket.jpg",
    )  # fmt: skip
    SMALLEST_CUT = 150
    """Pixels; such a cut is enlarged by a factor of 1.7 for a frame of 224."""

    def __init__(self) -> None:
        self.folder = Path(str(files("skimage") / "data"))
        # cuts of one photograph are read one after the other
        self._decode = lru_cache(maxsize=1)(decode)

    def size(self, photograph: str) -> tuple[int, int]:
        """Return width and height of a photograph in pixels."""
        with Image.open(self.folder / photograph, formats=FORMATS) as image:
            return image.size

    def names(self) -> Iterator[str]:
        for photograph in self.PHOTOGRAPHS:
            width, height = self.size(photograph)
            for parts in (1, 2, 3):
                side = min(width, height) // parts
                if side < self.SMALLEST_CUT:
                    break
                for top in range(0, height - side + 1, side):
                    for left in range(0, width - side + 1, side):
                        yield f"{photograph}@{side}+{left}+{top}"

    def origin(self, name: str) -> str:
        return name.partition("@")[0]

    def read(self, name: str) -> Image.Image:
        photograph, _, cut = name.partition("@")
        side, left, top = map(int, cut.split("+"))
        return self._decode(self.folder / photograph).crop((left, top, left + side, top + side))


class DeadLeaves:
    """Synthetic scenes, named by seed and number, drawn at the size from which the frame is cropped."""

    def __init__(self, config: ImagesConfig) -> None:
        self.config = config
        self.side = round(config.frame_size * RESIZE_RATIO)

    def names(self) -> Iterator[str]:
        return (f"{self.config.seed}-{index}" for index in range(self.config.scenes))

    def origin(self, name: str) -> str:
        return name

    def read(self, name: str) -> Image.Image:
        seed, _, index = name.partition("-")
        return draw_scene(int(seed), int(index), self.side)


def _reason(error: Exception) -> str:
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


@dataclass(frozen=True)
class FrameSet:
    """Readable images; pixels are decoded on access. quarantine: (name, reason) of the others."""

    config: ImagesConfig
    settings: Settings
    frames: Sequence[Frame]
    quarantine: Sequence[tuple[str, str]] = field(default=())

    @cached_property
    def _sources(self) -> dict[SourceName, Source]:
        return {name: open_source(name, self.config, self.settings) for name in self.config.sources}

    def __len__(self) -> int:
        return len(self.frames)

    def read(self, index: int) -> Image.Image:
        """Read an image, before it is fitted. Raises UserError if it is missing or its pixels changed meanwhile."""
        frame = self.frames[index]
        try:
            image = self._sources[frame.source].read(frame.name)
        except Exception as error:
            raise UserError(
                f"image {one_line(frame.name)} ({frame.source}) can't be read any more: {_reason(error)}"
            ) from error
        if pixel_key(image) != frame.image:
            raise UserError(
                f"image {one_line(frame.name)} ({frame.source}) has changed since the run started: run again"
            )
        return image

    def load(self, index: int) -> torch.Tensor:
        """Read an image fitted to the frame, uint8 RGB [3, frame_size, frame_size]; raises as `read` does."""
        return rgb_tensor(fit_to_frame(self.read(index), self.config.frame_size))


def open_source(name: SourceName, config: ImagesConfig, settings: Settings) -> Source:
    """Open a source by its name. Raises UserError if its folder is missing."""
    sources: dict[SourceName, Callable[[], Source]] = {
        "folder": lambda: PhotographFolder(config, settings),
        "scikit-image": ScikitImage,
        "dead-leaves": lambda: DeadLeaves(config),
    }
    return sources[name]()


def open_frames(
    config: ImagesConfig, settings: Settings, progress: Progress = silent, smallest_side: int = SMALLEST_SIDE
) -> FrameSet:
    """Read every image once and compute its key.

    Images that can't be read or are too small are quarantined, and of images with equal pixels all but the first.
    Raises UserError if a folder is missing or empty, or if no image can be used.
    """
    config = config.resolved(settings)
    frames: dict[str, Frame] = {}
    quarantine: list[tuple[str, str]] = []
    for source_name in config.sources:
        source = open_source(source_name, config, settings)
        names = list(source.names())
        limit = config.photographs if source_name == "folder" else None
        used = 0
        for done, name in enumerate(names, start=1):
            # a name that isn't UTF-8 can't be stored or printed unchanged
            printable = name.encode(errors="backslashreplace").decode()
            try:
                if printable != name:
                    raise ValueError("its name is not UTF-8: rename it")
                image = source.read(name)
                if min(image.size) < smallest_side:
                    raise ValueError(f"shorter side of {min(image.size)} pixels is below {smallest_side}")
                key = pixel_key(image)
                if key in frames:
                    raise ValueError(f"same pixels as {one_line(frames[key].name)}")
            # Pillow raises many kinds of errors on damaged files, and none of them may end the run
            except Exception as error:
                quarantine.append((printable, _reason(error)))
                continue
            finally:
                progress(done, len(names))
            frames[key] = Frame(key, source_name, name, source.origin(name), *image.size)
            used += 1
            if used == limit:
                break
    if not frames:
        name, reason = quarantine[0]
        raise UserError(
            f"none of {len(quarantine)} images can be used (first {one_line(name)}: {reason}): give other images"
        )
    return FrameSet(config, settings, tuple(frames.values()), tuple(quarantine))
