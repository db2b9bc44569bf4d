"""Exemplar sets: the images that define a concept, a random set or a class, as frames of the network's input size.

An image of exactly the frame's size is not resampled, so one that was saved as PNG gives the same bits again. Any other
image is fitted to the frame as all photographs are.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from tasks.concepts.cav import FRAMES_AT_ONCE
from tasks.concepts.synthetic_patterns import Pattern, draw_pattern
from tasks.errors import UserError, one_line
from tasks.keys import content_key
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.storage import atomic_file, writing
from tasks.vision.addresses import suffix_of
from tasks.vision.images import (
    Frame,
    Frames,
    FrameSet,
    ImagesConfig,
    ScikitImage,
    Wanted,
    fit_to_frame,
    open_frames,
    pixel_key,
    rgb_tensor,
)
from tasks.vision.network import Network
from tasks.vision.photographs import FILES

CODE_VERSION = 1
Role = Literal["concept", "random", "class"]
Origin = Literal["folder", "drawn", "attacked"]
CUT_STEP = 1 / 4
"""Distance between overlapping cuts of a photograph, as a share of a cut's side."""
NO_CLASS = {"brick.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "moon.png"}
"""Photographs of textures and of the sky, which show no ImageNet class; they would be half of all cuts."""


@dataclass(frozen=True)
class ExemplarSet:
    """A set of exemplars.

    frames_ncyx: uint8 [n, 3, side, side] RGB, no two equal; names: of the files; quarantine: (name, reason) of images
    that were left out.
    """

    name: str
    role: Role
    frames_ncyx: Tensor
    names: tuple[str, ...]
    quarantine: tuple[tuple[str, str], ...] = ()
    origin: Origin = "folder"

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def images(self) -> tuple[str, ...]:
        """SHA-256 of each frame's pixels, as `pixel_key` computes it for the frame saved as PNG."""
        return tuple(
            pixel_key(Image.fromarray(frame_cyx.permute(1, 2, 0).numpy(force=True))) for frame_cyx in self.frames_ncyx
        )

    @cached_property
    def key(self) -> str:
        """Content key of the frames' pixels and order; names do not count."""
        return content_key("exemplars", CODE_VERSION, images=self.images)


def read_exemplars(folder: Path | str, role: Role, frame_size: int, progress: Progress = silent) -> ExemplarSet:
    """Read the images of a folder, list, table or shards, whose name becomes the set's name.

    Images that can't be read, or equal another one, go to the set's quarantine with the reason. UserError for images
    smaller than a frame, for fewer than two images, and as `open_frames`.
    """
    images = open_folder(folder, frame_size, progress=progress)
    if small := [frame for frame in images.frames if min(frame.width, frame.height) < frame_size]:
        raise UserError(
            f"{len(small)} of {len(images)} images in {one_line(folder)} are smaller than the network's input of "
            f"{frame_size} pixels, {one_line(small[0].name)} is {small[0].width} × {small[0].height}: "
            "take them out, or give larger ones"
        )
    if len(images) < 2:
        raise UserError(
            f"{one_line(folder)} holds only one distinct image that can be read, {one_line(images.frames[0].name)}: "
            "give two or more, 40 are usual"
        )
    frames_ncyx = torch.stack([_frame(images, index) for index in range(len(images))])
    names = tuple(frame.name for frame in images.frames)
    return ExemplarSet(_set_name(folder), role, frames_ncyx, names, tuple(images.quarantine))


def _set_name(folder: Path | str) -> str:
    """Return the last part of an address, of a file without its suffix."""
    # resolves `.` and `..`, which are no names
    name = Path(os.path.abspath(folder)).name
    return name.removesuffix(Path(name).suffix) if suffix_of(name) in FILES else name


def write_exemplars(exemplars: ExemplarSet, folder: Path) -> list[str]:
    """Write the frames as PNG files and return their names.

    The names keep the order, so that reading the folder again gives a set of the same key.
    """
    # a file name has at most 255 bytes, and atomic_file adds a prefix
    stems = [one_line(Path(name).stem).encode()[:150].decode(errors="ignore") for name in exemplars.names]
    files = [f"{place:04}-{stem}.png" for place, stem in enumerate(stems)]
    with writing(folder):
        for file, frame_cyx in zip(files, exemplars.frames_ncyx, strict=True):
            with atomic_file(folder / file) as temporary:
                Image.fromarray(frame_cyx.permute(1, 2, 0).numpy()).save(temporary, "PNG")
    return files


def open_folder(
    folder: Path | str, frame_size: int, wanted: Wanted | None = None, progress: Progress = silent
) -> FrameSet:
    """Open all readable images of a folder, list, table or shards, of any size. UserError as `open_frames`."""
    config = ImagesConfig(sources=("folder",), folder=folder, frame_size=frame_size)
    return open_frames(config, Settings(), progress, smallest_side=1, wanted=wanted)


def photograph_cuts(frame_size: int) -> FrameSet:
    """Cut overlapping squares of the frame's size from scikit-image's photographs of objects, without resampling."""
    source, frames, step = ScikitImage(), [], round(frame_size * CUT_STEP)
    for photograph in sorted({*source.PHOTOGRAPHS} - NO_CLASS):
        width, height = source.size(photograph)
        for top in range(0, height - frame_size + 1, step):
            for left in range(0, width - frame_size + 1, step):
                name = f"{photograph}@{frame_size}+{left}+{top}"
                frames.append(
                    Frame(pixel_key(source.read(name)), "scikit-image", name, photograph, frame_size, frame_size)
                )
    config = ImagesConfig(sources=("scikit-image",), frame_size=frame_size)
    return FrameSet(config, Settings(), Frames.of(frames))


def class_frames(
    photographs: FrameSet, name: str, network: Network, class_index: int, least_probability: float = 0.0
) -> ExemplarSet:
    """Choose the photographs to which the network gives a class more than `least_probability`.

    photographs: in frames of the network's input size; name: of the set. Photographs that are smaller or less probable
    go to the set's quarantine with the reason. UserError where no image is left.
    """
    chosen, quarantine = [], list(photographs.quarantine)
    for index, frame in enumerate(photographs.frames):
        if min(frame.width, frame.height) < network.input_size:
            side = f"shorter side of {min(frame.width, frame.height)} pixels is below {network.input_size}"
            quarantine.append((frame.name, side))
        else:
            chosen.append((frame.name, _frame(photographs, index)))
    if least_probability and chosen:
        frames_ncyx = torch.stack([frame_cyx for _, frame_cyx in chosen])
        with torch.no_grad():
            logits_nk = torch.cat([network.logits(part.float() / 255) for part in frames_ncyx.split(FRAMES_AT_ONCE)])
        probability_n = logits_nk.softmax(1)[:, class_index].tolist()
        quarantine += [
            (photograph, f"the network gives class {class_index} only {probability:.3f}, not above {least_probability}")
            for (photograph, _), probability in zip(chosen, probability_n, strict=True)
            if probability <= least_probability
        ]
        chosen = [
            named_frame
            for named_frame, probability in zip(chosen, probability_n, strict=True)
            if probability > least_probability
        ]
    if not chosen:
        first, reason = quarantine[0]
        where = photographs.config.folder or "the photographs inside scikit-image"
        raise UserError(f"no image in {where} shows class {class_index} (first {first}: {reason}): give others")
    names, frames = zip(*chosen, strict=True)
    return ExemplarSet(name, "class", torch.stack(frames), names, tuple(quarantine))


def drawn_exemplars(pattern: Pattern, count: int, frame_size: int, seed: int = 0) -> ExemplarSet:
    """Draw exemplars of a synthetic pattern; a larger count adds exemplars after those of a smaller one."""
    frames = [draw_pattern(pattern, seed, index, frame_size) for index in range(count)]
    names = tuple(f"{pattern}-{seed}-{index}" for index in range(count))
    return ExemplarSet(pattern, "concept", torch.stack(frames), names, origin="drawn")


def random_sets(
    pool: FrameSet, count: int, size: int, seed: int = 0, apart_from: Sequence[ExemplarSet] = ()
) -> list[ExemplarSet]:
    """Draw `count` disjoint sets of `size` images each from a pool, without images of the sets in `apart_from`.

    Images smaller than a frame are skipped. UserError when the pool has too few images.
    """
    frame_size = pool.config.frame_size
    large = [index for index, frame in enumerate(pool.frames) if min(frame.width, frame.height) >= frame_size]
    used = {image for images in apart_from for image in images.images}
    names: list[str] = []
    frames: list[Tensor] = []
    for index in np.random.default_rng(seed).permutation(large).tolist():
        if len(names) == count * size:
            break
        image = _fitted(pool, index)
        if (key := pixel_key(image)) not in used:
            used.add(key)
            names.append(pool.frames[index].name)
            frames.append(rgb_tensor(image))
    if len(names) < count * size:
        raise UserError(
            f"{count} random sets of {size} need {count * size} images, and the pool has {len(names)} of at least "
            f"{frame_size} pixels that are in no other set: give a larger pool, or ask for fewer or smaller sets"
        )
    return [
        ExemplarSet(
            f"random_{number}",
            "random",
            torch.stack(frames[number * size : (number + 1) * size]),
            tuple(names[number * size : (number + 1) * size]),
            origin="drawn" if pool.config.sources == ("dead-leaves",) else "folder",
        )
        for number in range(count)
    ]


def check_apart(sets: Sequence[ExemplarSet]) -> None:
    """Raise UserError when two of the sets share an image, because they would not be independent."""
    for one, other in combinations(sets, 2):
        places = dict(zip(other.images, other.names, strict=True))
        for image, name in zip(one.images, one.names, strict=True):
            if image in places:
                raise UserError(
                    f"sets {one_line(one.name)} and {one_line(other.name)} share an image ({one_line(name)} and "
                    f"{one_line(places[image])} have the same pixels): take it out of one of them"
                )


def _fitted(frames: FrameSet, index: int) -> Image.Image:
    image, frame_size = frames.read(index), frames.config.frame_size
    return image if image.size == (frame_size, frame_size) else fit_to_frame(image, frame_size)


def _frame(frames: FrameSet, index: int) -> Tensor:
    return rgb_tensor(_fitted(frames, index))
