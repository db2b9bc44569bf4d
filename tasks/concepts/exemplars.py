"""Exemplars: the images that say what a concept, a random set or a class looks like, as the frames a network sees.

An image of exactly the frame's size is taken as it stands, so that one saved as PNG is scored bit for bit; any other is
fitted to the frame as all photographs are.
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
from tasks.vision.images import (
    Frame,
    FrameSet,
    ImagesConfig,
    ScikitImage,
    fit_to_frame,
    open_frames,
    pixel_key,
    rgb_tensor,
)
from tasks.vision.networks import Network

CODE_VERSION = 1
Role = Literal["concept", "random", "class"]
Origin = Literal["folder", "drawn", "attacked"]
CUT_STEP = 1 / 4
"""Of a cut's side: how far apart overlapping cuts of a photograph lie."""
NO_CLASS = {"brick.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "moon.png"}
"""Photographs of textures and of the sky: half of all cuts, and nothing in them is a class of ImageNet's."""


@dataclass(frozen=True)
class ExemplarSet:
    """frames_ncyx: uint8 [n, 3, side, side] RGB, no two alike; names: of the files; quarantine: (name, reason)."""

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
        """SHA-256 of each frame's pixels, as `pixel_key` takes it of the frame saved as PNG."""
        return tuple(
            pixel_key(Image.fromarray(frame_cyx.permute(1, 2, 0).numpy(force=True))) for frame_cyx in self.frames_ncyx
        )

    @cached_property
    def key(self) -> str:
        """Names the frames by their pixels and order, whatever they are called."""
        return content_key("exemplars", CODE_VERSION, images=self.images)


def read_exemplars(folder: Path, role: Role, frame_size: int, progress: Progress = silent) -> ExemplarSet:
    """The images of a folder, named by it. What can't be read, or equals another, is set aside with its reason.

    UserError for images smaller than a frame, for fewer than two, and as `open_frames` raises.
    """
    found = open_folder(folder, frame_size, progress)
    if small := [frame for frame in found.frames if min(frame.width, frame.height) < frame_size]:
        raise UserError(
            f"{len(small)} of {len(found)} images in {one_line(folder)} are smaller than the network's input of "
            f"{frame_size} pixels, {one_line(small[0].name)} is {small[0].width} × {small[0].height}: "
            "take them out, or give larger ones"
        )
    if len(found) < 2:
        raise UserError(
            f"{one_line(folder)} holds one image that can be read, {one_line(found.frames[0].name)}, "
            "and no second one that differs: give two or more, 40 are usual"
        )
    frames_ncyx = torch.stack([_frame(found, index) for index in range(len(found))])
    names = tuple(frame.name for frame in found.frames)
    # `.` and `..` are no names
    name = Path(os.path.abspath(folder)).name
    return ExemplarSet(name, role, frames_ncyx, names, tuple(found.quarantine))


def write_exemplars(exemplars: ExemplarSet, folder: Path) -> list[str]:
    """PNG files whose names keep the order, so that the folder, read again, is the same set by key; returns them."""
    # a file's name has 255 bytes at most, and atomic_file's prefix takes some
    stems = [one_line(Path(name).stem).encode()[:150].decode(errors="ignore") for name in exemplars.names]
    files = [f"{place:04}-{stem}.png" for place, stem in enumerate(stems)]
    with writing(folder):
        for file, frame_cyx in zip(files, exemplars.frames_ncyx, strict=True):
            with atomic_file(folder / file) as temporary:
                Image.fromarray(frame_cyx.permute(1, 2, 0).numpy()).save(temporary, "PNG")
    return files


def open_folder(folder: Path, frame_size: int, progress: Progress = silent) -> FrameSet:
    """Every image of a folder that can be read, however small. UserError as `open_frames`."""
    config = ImagesConfig(sources=("folder",), folder=folder, frame_size=frame_size)
    return open_frames(config, Settings(), progress, smallest_side=1)


def photograph_cuts(frame_size: int) -> FrameSet:
    """Overlapping squares of a frame's size out of scikit-image's photographs of things, at their own size."""
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
    return FrameSet(config, Settings(), tuple(frames))


def class_frames(
    found: FrameSet, name: str, network: Network, class_index: int, least_probability: float = 0.0
) -> ExemplarSet:
    """Photographs of a class: those that the network gives the class more than a probability.

    found: photographs in frames of the network's input; name: of the set. What is smaller than that, and what the
    network takes for something else, is set aside with its reason. UserError where no image is left.
    """
    taken, quarantine = [], list(found.quarantine)
    for index, frame in enumerate(found.frames):
        if min(frame.width, frame.height) < network.input_size:
            side = f"shorter side of {min(frame.width, frame.height)} pixels is below {network.input_size}"
            quarantine.append((frame.name, side))
        else:
            taken.append((frame.name, _frame(found, index)))
    if least_probability and taken:
        frames_ncyx = torch.stack([frame_cyx for _, frame_cyx in taken])
        with torch.no_grad():
            logits_nk = torch.cat([network.logits(part.float() / 255) for part in frames_ncyx.split(FRAMES_AT_ONCE)])
        sure_n = logits_nk.softmax(1)[:, class_index].tolist()
        quarantine += [
            (photograph, f"the network gives class {class_index} only {sure:.3f}, not above {least_probability}")
            for (photograph, _), sure in zip(taken, sure_n, strict=True)
            if sure <= least_probability
        ]
        taken = [one for one, sure in zip(taken, sure_n, strict=True) if sure > least_probability]
    if not taken:
        first, reason = quarantine[0]
        where = found.config.folder or "the photographs inside scikit-image"
        raise UserError(f"no image in {where} can stand for class {class_index} (first {first}: {reason}): give others")
    names, frames = zip(*taken, strict=True)
    return ExemplarSet(name, "class", torch.stack(frames), names, tuple(quarantine))


def drawn_exemplars(pattern: Pattern, count: int, frame_size: int, seed: int = 0) -> ExemplarSet:
    """A concept drawn in random scale, angle, colour and position; the first ones stay the same whatever the count."""
    frames = [draw_pattern(pattern, seed, index, frame_size) for index in range(count)]
    names = tuple(f"{pattern}-{seed}-{index}" for index in range(count))
    return ExemplarSet(pattern, "concept", torch.stack(frames), names, origin="drawn")


def random_sets(
    pool: FrameSet, count: int, size: int, seed: int = 0, apart_from: Sequence[ExemplarSet] = ()
) -> list[ExemplarSet]:
    """`count` sets of `size` images each, drawn from a pool, no image twice and none that is in another given set.

    Images smaller than a frame are passed over. UserError when the pool has too few.
    """
    frame_size = pool.config.frame_size
    large = [i for i, frame in enumerate(pool.frames) if min(frame.width, frame.height) >= frame_size]
    seen = {image for given in apart_from for image in given.images}
    names, frames = [], []
    for index in np.random.default_rng(seed).permutation(large).tolist():
        if len(names) == count * size:
            break
        image = _fitted(pool, index)
        if (key := pixel_key(image)) not in seen:
            seen.add(key)
            names.append(pool.frames[index].name)
            frames.append(rgb_tensor(image))
    if len(names) < count * size:
        raise UserError(
            f"{count} random sets of {size} need {count * size} images, and the pool has {len(names)} of at least "
            f"{frame_size} pixels that are in no other set: give a larger pool, or ask for fewer or smaller sets"
        )
    return [
        ExemplarSet(
            f"random_{one}",
            "random",
            torch.stack(frames[one * size : (one + 1) * size]),
            tuple(names[one * size : (one + 1) * size]),
            origin="drawn" if pool.config.sources == ("dead-leaves",) else "folder",
        )
        for one in range(count)
    ]


def check_apart(sets: Sequence[ExemplarSet]) -> None:
    """UserError when two of the sets share an image: what is compared must differ."""
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
