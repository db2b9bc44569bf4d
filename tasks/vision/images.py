"""Sources of images: photographs at an address, those inside scikit-image, dead leaves.

Images are decoded one at a time, to 8-bit RGB. Those that can't be read are listed in the quarantine with the reason.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib.resources import files
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import polars
import torch
from PIL import Image
from pydantic import Field

from tasks.config import Config, ImagesAddress, Seed, Whole
from tasks.errors import UserError, one_line
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.vision.dead_leaves import draw_scene
from tasks.vision.decoding import FORMATS, decode, why_unreadable
from tasks.vision.listing import Listing
from tasks.vision.photographs import open_photographs

SourceName = Literal["folder", "scikit-image", "dead-leaves"]
SMALLEST_SIDE = 64
"""Pixels. A smaller image, enlarged to a frame, has too little detail for a receptive field."""
RESIZE_RATIO = 256 / 224
"""The usual centre crop: the shorter side is resized to 256, and the central 224 pixels are used."""
WEBP_QUALITY = 82
WEBP_METHOD = 2
"""Effort of the encoder, 0 to 6. Its default, 4, takes twice as long for patches that are 3 % smaller (measured)."""


class ImagesConfig(Config):
    """The images to use, and the frame to which they are fitted."""

    sources: tuple[SourceName, ...] = Field(
        (),
        description="any of folder, scikit-image, dead-leaves; "
        "default: folder if one is configured, else the other two",
    )
    folder: ImagesAddress | None = Field(
        None,
        description="photographs: a folder, read recursively, or a list, table or tar shards of them, "
        "local or at a URL (docs/images.md); default: KALEIDOSCOPE_IMAGES_DIR",
    )
    photographs: Whole | None = Field(
        None, ge=1, description="largest number of photographs, drawn at random; default: all"
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
    label: name, WordNet id or number of its class, where the source states one beside the image's name
    """

    image: str
    source: SourceName
    name: str
    origin: str
    width: int
    height: int
    label: str | None = None


FRAMES_SCHEMA = {
    "image": polars.String,
    "source": polars.String,
    "name": polars.String,
    "origin": polars.String,
    "width": polars.Int32,
    "height": polars.Int32,
    "label": polars.String,
}
FRAMES_AT_ONCE = 1 << 16


class Frames:
    """Frames as a table, which holds a million of them in less than 250 MiB; a Frame is made when it is asked for.

    table: FRAMES_SCHEMA, without `label` if no frame has one.
    """

    def __init__(self, table: polars.DataFrame) -> None:
        self.table = table

    @classmethod
    def of(cls, frames: Iterable[Frame]) -> "Frames":
        waiting, parts = iter(frames), [polars.DataFrame(schema=FRAMES_SCHEMA)]
        while part := list(islice(waiting, FRAMES_AT_ONCE)):
            table = polars.DataFrame(map(dataclasses.astuple, part), schema=FRAMES_SCHEMA, orient="row")
            # columns that share their text
            parts.append(table.with_columns(origin="name") if table["origin"].equals(table["name"]) else table)
        table = polars.concat(parts)
        return cls(table if table["label"].count() else table.drop("label"))

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, index: int) -> Frame:
        return Frame(*self.table.row(index))

    def __iter__(self) -> Iterator[Frame]:
        return (Frame(*row) for row in self.table.iter_rows())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Frames) and self.table.equals(other.table)

    def places(self, images: Collection[str]) -> dict[str, int]:
        """Return the index of each of these images, given by their keys."""
        table = self.table.select("image").with_row_index().filter(polars.col("image").is_in(list(images)))
        return dict(table.select("image", "index").iter_rows())


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
    Image.fromarray(pixels_yxc).save(buffer, "WEBP", quality=WEBP_QUALITY, method=WEBP_METHOD)
    return buffer.getvalue()


class Source(Protocol):
    """A source of images."""

    def listing(self) -> Listing:
        """Return names and labels of all candidates, in a deterministic order."""

    def origin(self, name: str) -> str:
        """Return the photograph from which the image was cut."""

    def read(self, name: str) -> Image.Image:
        """Read an image as RGB."""


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
        self._decode = lru_cache(maxsize=len(self.PHOTOGRAPHS))(decode)  # 12 MB, and each has many cuts

    def size(self, photograph: str) -> tuple[int, int]:
        """Return width and height of a photograph in pixels."""
        with Image.open(self.folder / photograph, formats=FORMATS) as image:
            return image.size

    def listing(self) -> Listing:
        return Listing.of((name, None) for name in self.names())

    def names(self) -> Iterator[str]:
        """Yield the names of all cuts."""
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

    def listing(self) -> Listing:
        return Listing.of((f"{self.config.seed}-{index}", None) for index in range(self.config.scenes))

    def origin(self, name: str) -> str:
        return name

    def read(self, name: str) -> Image.Image:
        seed, _, index = name.partition("-")
        draw = _kept_scene if self.side <= LARGEST_KEPT_SIDE else draw_scene
        return draw(int(seed), int(index), self.side)


LARGEST_KEPT_SIDE = 300
"""Pixels. Scenes of this size and smaller are kept: at most 256 of 270 kB, for drawing one takes 0.1 s."""
_kept_scene = lru_cache(maxsize=256)(draw_scene)


@dataclass(frozen=True)
class FrameSet:
    """Readable images; pixels are decoded on access. quarantine: (name, reason) of the others."""

    config: ImagesConfig
    settings: Settings
    frames: Frames
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
        except UserError:
            raise
        except Exception as error:
            raise UserError(
                f"image {one_line(frame.name)} ({frame.source}) can't be read any more: {why_unreadable(error)}"
            ) from error
        if pixel_key(image) != frame.image:
            raise UserError(
                f"image {one_line(frame.name)} ({frame.source}) has changed since the run started: run again"
            )
        return image

    def load(self, index: int) -> torch.Tensor:
        """Read an image fitted to the frame, uint8 RGB [3, frame_size, frame_size]; raises as `read` does."""
        return rgb_tensor(fit_to_frame(self.read(index), self.config.frame_size))


Wanted = Callable[[str, str | None], bool]
"""Gets name and label of an image, and returns whether it may be used."""


def open_source(name: SourceName, config: ImagesConfig, settings: Settings) -> Source:
    """Open a source by its name. Raises UserError if its folder is missing."""
    sources: dict[SourceName, Callable[[], Source]] = {
        "folder": lambda: open_photographs(config.folder, settings.images_dir),
        "scikit-image": ScikitImage,
        "dead-leaves": lambda: DeadLeaves(config),
    }
    return sources[name]()


def open_frames(
    config: ImagesConfig,
    settings: Settings,
    progress: Progress = silent,
    smallest_side: int = SMALLEST_SIDE,
    wanted: Wanted | None = None,
) -> FrameSet:
    """Read every image once and compute its key.

    Images that can't be read or are too small are quarantined, and of images with equal pixels all but the first.
    Raises UserError if an address is wrong, empty or doesn't answer, or if no image can be used.
    """
    config = config.resolved(settings)
    quarantine: list[tuple[str, str | int]] = []
    frames = Frames.of(_usable(config, settings, progress, smallest_side, wanted, quarantine))
    reasons = tuple(
        (name, why if isinstance(why, str) else f"same pixels as {one_line(frames[why].name)}")
        for name, why in quarantine
    )
    if not frames:
        name, reason = reasons[0]
        raise UserError(
            f"none of {len(reasons)} images can be used (first {one_line(name)}: {reason}): give other images"
        )
    return FrameSet(config, settings, frames, reasons)


def _usable(
    config: ImagesConfig,
    settings: Settings,
    progress: Progress,
    smallest_side: int,
    wanted: Wanted | None,
    quarantine: list[tuple[str, str | int]],
) -> Iterator[Frame]:
    """Yield the images that can be used; add others to the quarantine: name, and reason or index of the equal one."""
    places: dict[bytes, int] = {}
    for source_name in config.sources:
        source = open_source(source_name, config, settings)
        listing = _listing(source, config, wanted)
        limit = config.photographs if source_name == "folder" else None
        order = None if limit is None else np.random.default_rng(config.seed).permutation(len(listing))
        used = 0
        for done, (name, label) in enumerate(listing.entries(order), start=1):
            # a name that isn't UTF-8 can't be stored or printed unchanged
            printable = name.encode(errors="backslashreplace").decode()
            image = "its name is not UTF-8: rename it" if printable != name else _read(source, name, smallest_side)
            progress(done, len(listing))
            if isinstance(image, str):
                quarantine.append((printable, image))
                continue
            key = pixel_key(image)
            digest = bytes.fromhex(key)
            if digest in places:
                quarantine.append((name, places[digest]))
                continue
            places[digest] = len(places)
            used += 1
            yield Frame(key, source_name, name, source.origin(name), *image.size, label)
            if used == limit:
                break


def _listing(source: Source, config: ImagesConfig, wanted: Wanted | None) -> Listing:
    listing = source.listing()
    if wanted is None:
        return listing
    left = listing.only(wanted)
    if not len(left):
        raise UserError(
            f"all {len(listing):,} images in {one_line(config.folder)} are labelled as other classes: give others"
        )
    return left


def _read(source: Source, name: str, smallest_side: int) -> Image.Image | str:
    """Read an image, or return in one line why it can't be used. Raises UserError if a server doesn't answer."""
    try:
        image = source.read(name)
    except UserError:
        raise
    # Pillow raises many kinds of errors on damaged files, and none of them may end the run
    except Exception as error:
        return why_unreadable(error)
    if min(image.size) < smallest_side:
        return f"shorter side of {min(image.size)} pixels is below {smallest_side}"
    return image
