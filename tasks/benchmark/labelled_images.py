"""The images of a benchmark and their classes: photographs, and images of other domains."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

import numpy as np
import torch
from torch import Tensor

from tasks.benchmark.config import PATTERNS_DOMAIN, ScoringConfig
from tasks.concepts.synthetic_patterns import PATTERNS, draw_pattern
from tasks.errors import UserError, one_line
from tasks.keys import content_key
from tasks.progress import Progress, silent
from tasks.settings import Settings
from tasks.vision.classes import LABELLED
from tasks.vision.images import Frame, FrameSet, ImagesConfig, fit_to_frame, open_frames, rgb_tensor

VERSION = 1
IMAGES_AT_ONCE = 8
LEAST_OF_CLASS, LEAST_CLASSES = 5, 2
"""Images of a class that the probes tell apart, so that one is in the test split; and number of such classes."""
WORDNET_ID = re.compile(r"n\d{8}_")


@dataclass(frozen=True)
class LabelledImages:
    """Images and their classes.

    keys: of the images' pixels, or of what they are drawn from; classes: their classes' names, None where an image
    states none; load(index, side): uint8 RGB [3, side, side].
    """

    name: str
    keys: list[str]
    classes: list[str | None]
    load: Callable[[int, int], Tensor]

    def __len__(self) -> int:
        return len(self.keys)

    def batches(self, side: int) -> Iterator[Tensor]:
        """Yield the images in order, [b, 3, side, side], RGB in [0, 1]."""
        for start in range(0, len(self), IMAGES_AT_ONCE):
            indices = range(start, min(start + IMAGES_AT_ONCE, len(self)))
            yield torch.stack([self.load(index, side) for index in indices]).float() / 255

    def only(self, chosen_n: np.ndarray) -> "LabelledImages":
        """Return those images for which `chosen_n` is True."""
        places = np.flatnonzero(chosen_n).tolist()
        keys, classes = [self.keys[place] for place in places], [self.classes[place] for place in places]
        return LabelledImages(self.name, keys, classes, lambda index, side: self.load(places[index], side))

    def numbered(self) -> tuple[np.ndarray, list[str]]:
        """Return each image's class as a number, -1 where it has none, and the names of the classes, sorted."""
        return numbered(self.classes)


def numbered(names: list[str | None]) -> tuple[np.ndarray, list[str]]:
    """Return names as numbers, -1 for None, and the distinct names, sorted."""
    known = sorted({name for name in names if name is not None})
    numbers = {name: number for number, name in enumerate(known)}
    return np.array([-1 if name is None else numbers[name] for name in names], dtype=np.int64), known


@dataclass(frozen=True)
class BenchmarkImages:
    """What dictionaries are scored on.

    probed: the photographs' classes that the probes tell apart, as numbers, -1 for others
    groups: classes, as numbers of `photographs.numbered`, of each group within which absorption is measured
    key: content key of all images, classes and settings: the benchmark's
    """

    photographs: LabelledImages
    domains: tuple[LabelledImages, ...]
    probed: np.ndarray
    groups: tuple[tuple[int, ...], ...]
    key: str


def open_benchmark(config: ScoringConfig, settings: Settings, progress: Progress = silent) -> BenchmarkImages:
    """Read all images and their classes.

    Of other domains, only the images that the probes can use are taken. Raises UserError if fewer than two classes have
    enough images for the probes, for a class in `groups` that no image states, and as `open_frames`.
    """
    photographs = _of_frames("photographs", open_frames(config.images, settings, progress))
    domains = tuple(_domain(name, config, settings) for name in config.domains)
    group_of = {each: group for group, classes in config.groups.items() for each in classes}
    numbers = {name: number for number, name in enumerate(photographs.numbered()[1])}
    if missing := sorted(group_of.keys() - numbers.keys()):
        raise UserError(f"groups name {one_line(', '.join(missing))}, which no image states as its class: correct it")
    probed = [group_of.get(each) if each else None for each in photographs.classes] if group_of else photographs.classes
    listed = [[numbers[each] for each in classes] for classes in config.groups.values()] or [[*numbers.values()]]
    key = content_key(
        "benchmark",
        VERSION,
        config=config.model_dump(mode="json", exclude={"images": True, "domains": True}),
        images=[[images.keys, images.classes] for images in (photographs, *domains)],
    )
    return BenchmarkImages(
        photographs,
        domains,
        _large_enough(probed, "photographs", bool(group_of)),
        tuple(tuple(sorted(group)) for group in listed),
        key,
    )


def _domain(name: str, config: ScoringConfig, settings: Settings) -> LabelledImages:
    if name == PATTERNS_DOMAIN:
        return _patterns(config.pattern_images, config.seed)
    images = _of_frames(name, open_frames(ImagesConfig(sources=("folder",), folder=name), settings))
    return images.only(_large_enough(images.classes, f"images of {one_line(name)}", False) >= 0)


def _patterns(count: int, seed: int) -> LabelledImages:
    drawn = [(pattern, index) for pattern in PATTERNS for index in range(count)]
    keys = [f"{pattern}-{seed}-{index}" for pattern, index in drawn]

    def load(place: int, side: int) -> Tensor:
        pattern, index = drawn[place]
        return draw_pattern(pattern, seed, index, side)

    return LabelledImages(PATTERNS_DOMAIN, keys, [pattern for pattern, _ in drawn], load)


def _of_frames(name: str, frames: FrameSet) -> LabelledImages:
    keys, classes = [frame.image for frame in frames.frames], [class_of(frame) for frame in frames.frames]
    return LabelledImages(name, keys, classes, partial(_fitted, frames))


def _fitted(frames: FrameSet, index: int, side: int) -> Tensor:
    return rgb_tensor(fit_to_frame(frames.read(index), side))


def class_of(frame: Frame) -> str | None:
    """Return the class that an image states: its label, the word in its name, or its folder's name without WordNet id.

    A cut of a photograph of scikit-image has the photograph's name; a drawn scene has no class.
    """
    if frame.label is not None:
        return frame.label.strip()
    if frame.source != "folder":
        return frame.origin if frame.source == "scikit-image" else None
    path = PurePosixPath(frame.name)
    if labelled := LABELLED.fullmatch(path.stem):
        return labelled[2]
    return WORDNET_ID.sub("", path.parent.name) or None


def _large_enough(classes: list[str | None], images: str, grouped: bool) -> np.ndarray:
    """Return classes as numbers, -1 for those with too few images. Raises UserError unless there are enough classes."""
    counts = Counter(each for each in classes if each is not None)
    large = {each for each, count in counts.items() if count >= LEAST_OF_CLASS}
    if len(large) < LEAST_CLASSES:
        kind = "groups" if grouped else "classes"
        found = f"state {len(counts)} {kind} of at most {max(counts.values())} images" if counts else "state no class"
        remedy = "" if grouped else ", or put classes together in groups"
        raise UserError(
            f"the probes need {LEAST_CLASSES} {kind} of at least {LEAST_OF_CLASS} images, but the {len(classes)} "
            f"{images} {found}: give a folder of images for each class{remedy}"
        )
    return numbered([each if each in large else None for each in classes])[0]
