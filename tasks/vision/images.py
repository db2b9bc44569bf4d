"""Images to look at: a folder, the photographs inside scikit-image, dead leaves. Decoded one at a time.

Every image becomes 8-bit RGB: transparency over mid grey, 16 bits scaled to 8, EXIF orientation applied, colour
profiles ignored, the first frame of an animation. What can't be read is set aside with its reason.
"""

import hashlib
import os
import threading
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import torch
from PIL import Image, ImageOps
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
"""Pixels. A smaller image, blown up to a frame, has no detail left for a receptive field to see."""
RESIZE_RATIO = 256 / 224
"""The field's centre crop: shorter side to 256, of which the middle 224 are taken."""
GREY = (128, 128, 128)
WEBP_QUALITY = 82


class ImagesConfig(Config):
    """Which images to look at, and the frame they are fitted to."""

    sources: tuple[SourceName, ...] = Field(
        (),
        description="any of folder, scikit-image, dead-leaves; "
        "default: folder where one is configured, else the other two",
    )
    folder: Folder | None = Field(
        None, description="photographs, read recursively: JPEG, PNG, WebP; default: KALEIDOSCOPE_IMAGES_DIR"
    )
    photographs: Whole | None = Field(
        None, ge=1, description="at most so many photographs of the folder, drawn by the seed; default: all"
    )
    scenes: Whole = Field(48, ge=1, description="dead-leaves scenes to draw")
    frame_size: int = Field(224, ge=32, le=4096, description="side of the square frame the network sees, pixels")
    seed: Seed = Field(0, description="draws the scenes, and the photographs when not all are taken")

    def resolved(self, settings: Settings) -> "ImagesConfig":
        """The same with `sources` named."""
        if self.sources:
            return self
        has_folder = self.folder is not None or settings.images_dir is not None
        return self.model_copy(update={"sources": ("folder",) if has_folder else ("scikit-image", "dead-leaves")})


@dataclass(frozen=True)
class Frame:
    """An image that can be read, before it is fitted to a frame.

    image: SHA-256 over size and decoded RGB pixels; name: unique in its source; origin: the photograph it was cut from,
    so that two cuts of one photograph never stand on both sides of a split; width, height: pixels.
    """

    image: str
    source: SourceName
    name: str
    origin: str
    width: int
    height: int


_opening = threading.Lock()


def decode(path: Path) -> Image.Image:
    """RGB image; raises whatever Pillow raises on a file that is damaged, too large or no JPEG, PNG or WebP."""
    with _opened(path) as image:
        rawmode = image.tile[0].args if image.format == "PNG" and image.tile else None
        image.load()
        upright = ImageOps.exif_transpose(_in_eight_bits(image, rawmode, path))
    if "transparency" in upright.info or upright.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        layer = upright.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (*GREY, 255))
        return Image.alpha_composite(ground, layer).convert("RGB")
    return upright.convert("RGB")


def _opened(path: Path) -> Image.Image:
    # Python's warning filters are one for all threads.
    with _opening, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(path, formats=FORMATS)


def _in_eight_bits(image: Image.Image, rawmode: str | None, path: Path) -> Image.Image:
    """The loaded image in eight bits a channel; rawmode: how a PNG file stores its pixels.

    The colour that a PNG calls transparent has as many bits as the file's pixels. Pillow compares it with its own, of
    eight bits, so for other depths the comparison is ours.
    """
    transparent = image.info.get("transparency")
    if rawmode in ("L;2", "L;4") and transparent is not None:
        image.info["transparency"] = transparent * (85 if rawmode == "L;2" else 17)
    if image.mode.startswith("I"):
        pixels_yx = np.asarray(image, dtype=np.uint32)
        colours = Image.fromarray(((pixels_yx * 255 + 32767) // 65535).astype(np.uint8))
        solid_yx = pixels_yx != transparent
    elif rawmode == "RGB;16B" and transparent is not None:
        with _opened(path) as again:
            # of each pair of bytes the second, read as if it were the first
            again.tile = [again.tile[0]._replace(args="RGB;16L")]
            again.load()
            pixels_yxc = np.asarray(image, dtype=np.uint32) << 8 | np.asarray(again)
        colours = image.convert("RGB")
        solid_yx = (pixels_yxc != transparent).any(2)
    else:
        return image
    if transparent is not None:
        colours.putalpha(Image.fromarray(solid_yx.astype(np.uint8) * 255))
    # where the file says which way is up
    colours.info = {name: value for name, value in image.info.items() if name != "transparency"}
    return colours


def pixel_key(image: Image.Image) -> str:
    """SHA-256 (64 hex digits) over size and RGB pixels."""
    return hashlib.sha256(f"{image.width}x{image.height} RGB\n".encode() + image.tobytes()).hexdigest()


def fit_to_frame(image: Image.Image, frame_size: int) -> Image.Image:
    """Shorter side to 256/224 · frame_size, then the middle frame_size × frame_size; bicubic, in one resampling."""
    scale = min(image.size) / round(frame_size * RESIZE_RATIO)
    # The crop starts at a whole resized pixel: an image already of that size is cropped and not resampled.
    left, top = (round((side / scale - frame_size) / 2) * scale for side in image.size)
    box = (left, top, left + frame_size * scale, top + frame_size * scale)
    return image.resize((frame_size, frame_size), Image.Resampling.BICUBIC, box=box)


def rgb_tensor(image: Image.Image) -> torch.Tensor:
    """[3, height, width] uint8 of an RGB image."""
    return torch.from_numpy(np.asarray(image).transpose(2, 0, 1).copy())


def webp(image_cyx: torch.Tensor) -> bytes:
    """A picture [3, h, w], values 0 to 255, as WebP: small enough to keep one for each example of each feature."""
    buffer = BytesIO()
    pixels_yxc = image_cyx.round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    Image.fromarray(pixels_yxc).save(buffer, "WEBP", quality=WEBP_QUALITY)
    return buffer.getvalue()


class Source(Protocol):
    """Where images come from."""

    def names(self) -> Iterator[str]:
        """Names of all candidates, in an order that is always the same."""

    def origin(self, name: str) -> str:
        """The photograph it was cut from."""

    def read(self, name: str) -> Image.Image:
        """RGB pixels."""


def _photographs(root: Path) -> Iterator[Path]:
    """Files called like images in a folder and the folders in it, in no order; symbolic links are followed.

    What several paths lead to is found once, by a path without links where there is one. With the files come links that
    lead nowhere and folders that can't be listed: whoever reads them finds out why.
    """
    seen: set[Path] = set()
    waiting, links = [(root, root.resolve())], []
    while waiting or links:
        path, real = waiting.pop() if waiting else links.pop(0)
        if real in seen:
            continue
        seen.add(real)
        if not path.is_dir():
            yield path
            continue
        try:
            entries = sorted(os.scandir(path), key=lambda entry: entry.name)
        except OSError:
            yield path
            continue
        for entry in entries:
            below = path / entry.name
            if not entry.is_symlink():
                if entry.is_dir() or below.suffix.lower() in SUFFIXES:
                    waiting.append((below, real / entry.name))
            elif not below.exists():
                links.append((below, below))
            elif entry.is_dir() or below.suffix.lower() in SUFFIXES:
                links.append((below, below.resolve()))


class Folder:
    """Photographs of a folder and the folders in it, named by their path there.

    A folder that isn't found where the process runs is looked for in the images folder of the settings.
    """

    def __init__(self, config: ImagesConfig, settings: Settings) -> None:
        root = config.folder or settings.images_dir
        if root and settings.images_dir and not root.is_dir() and (settings.images_dir / root).is_dir():
            root = settings.images_dir / root
        if root is None:
            raise UserError("no images folder is configured: set KALEIDOSCOPE_IMAGES_DIR or images.folder")
        if not root.is_dir():
            what = "a file, not a folder" if root.exists() else "not there"
            mend = "give another folder" if config.folder else "set KALEIDOSCOPE_IMAGES_DIR to a folder"
            raise UserError(f"images folder {one_line(root)} is {what}: {mend} of photographs")
        self.root, self.config = root, config

    def names(self) -> Iterator[str]:
        names = sorted(path.relative_to(self.root).as_posix() for path in _photographs(self.root))
        if not names:
            raise UserError(
                f"images folder {one_line(self.root)} holds no JPEG, PNG or WebP file: point it at photographs"
            )
        if self.config.photographs is not None:
            names = np.random.default_rng(self.config.seed).permutation(np.array(names, dtype=object)).tolist()
        return iter(names)

    def origin(self, name: str) -> str:
        return name

    def read(self, name: str) -> Image.Image:
        path = self.root / name
        if path.is_symlink() and not path.exists():
            raise OSError(f"a link that leads nowhere: {path.readlink()}")
        if path.is_dir():
            raise OSError("a folder that can't be listed")
        # A pipe or a device would block for ever.
        if not path.is_file():
            raise OSError("not a regular file")
        if path.stat().st_size == 0:
            raise OSError("empty file")
        return decode(path)


class ScikitImage:
    """The natural photographs inside scikit-image's wheel, each cut into squares at up to three scales.

    A cut is named file@side+left+top, in pixels of the photograph.
    """

    PHOTOGRAPHS = (
        "astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "grass.png",
        "gravel.png", "hubble_deep_field.jpg", "moon.png", "motorcycle_left.png", "rocket.jpg",
    )  # fmt: skip
    SMALLEST_CUT = 150
    """Pixels: enlarged by at most 1.7 to a frame of 224."""

    def __init__(self) -> None:
        self.folder = Path(str(files("skimage") / "data"))
        # Cuts of one photograph are read one after the other.
        self._decode = lru_cache(maxsize=1)(decode)

    def size(self, photograph: str) -> tuple[int, int]:
        """Width and height, pixels."""
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
    """Synthetic scenes, named by seed and number, drawn at the size that is then cropped to the frame."""

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
    """One line on why an image was set aside."""
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
    """Images that can be read, by identity; pixels are decoded when asked for. quarantine: (name, reason)."""

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
        """The whole image; raises UserError when it is gone or has other pixels than when the set was made."""
        frame = self.frames[index]
        try:
            image = self._sources[frame.source].read(frame.name)
        except Exception as error:
            raise UserError(
                f"image {one_line(frame.name)} ({frame.source}) can't be read any more: {_reason(error)}"
            ) from error
        if pixel_key(image) != frame.image:
            raise UserError(
                f"image {one_line(frame.name)} ({frame.source}) has changed since its key was taken: run again"
            )
        return image

    def load(self, index: int) -> torch.Tensor:
        """[3, frame_size, frame_size] uint8 RGB; raises as `read` does."""
        return rgb_tensor(fit_to_frame(self.read(index), self.config.frame_size))


def open_source(name: SourceName, config: ImagesConfig, settings: Settings) -> Source:
    """A source by its name; raises UserError when its folder is missing."""
    return {
        "folder": lambda: Folder(config, settings),
        "scikit-image": ScikitImage,
        "dead-leaves": lambda: DeadLeaves(config),
    }[name]()


def open_frames(
    config: ImagesConfig, settings: Settings, progress: Progress = silent, smallest_side: int = SMALLEST_SIDE
) -> FrameSet:
    """Read every image once, key it, set aside what can't be read or is too small; of equal ones the first is taken.

    Raises UserError when a folder is missing or empty, or when no image is left.
    """
    config = config.resolved(settings)
    frames: dict[str, Frame] = {}
    quarantine: list[tuple[str, str]] = []
    for source_name in config.sources:
        source = open_source(source_name, config, settings)
        names = list(source.names())
        wanted = config.photographs if source_name == "folder" else None
        taken = 0
        for done, name in enumerate(names, start=1):
            # A name that is no UTF-8 can be neither stored nor shown as it is.
            shown = name.encode(errors="backslashreplace").decode()
            try:
                if shown != name:
                    raise ValueError("its name is not UTF-8: rename it")
                image = source.read(name)
                if min(image.size) < smallest_side:
                    raise ValueError(f"shorter side of {min(image.size)} pixels is below {smallest_side}")
                key = pixel_key(image)
                if key in frames:
                    raise ValueError(f"same pixels as {one_line(frames[key].name)}")
            # Pillow raises nearly anything on a damaged file, and none of it may end the run.
            except Exception as error:
                quarantine.append((shown, _reason(error)))
                continue
            finally:
                progress(done, len(names))
            frames[key] = Frame(key, source_name, name, source.origin(name), *image.size)
            taken += 1
            if taken == wanted:
                break
    if not frames:
        name, reason = quarantine[0]
        raise UserError(
            f"none of {len(quarantine)} images can be read (first {one_line(name)}: {reason}): give other images"
        )
    return FrameSet(config, settings, tuple(frames.values()), tuple(quarantine))
