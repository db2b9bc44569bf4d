"""Which units of which images are looked at. Every choice follows from the seed and the images' keys alone."""

from collections.abc import Sequence

import numpy as np

from tasks.errors import UserError
from tasks.symmetry.action import source_side
from tasks.vision.networks import Layer


def admissible_units(layer: Layer, frame_size: int) -> np.ndarray:
    """Units along one axis whose source patch, of source_side(receptive field) about their centre, lies in the frame.

    The frame is square, so that the same units serve both axes. Raises UserError when there is none.
    """
    side = source_side(layer.receptive_field)
    margin = (side - layer.receptive_field) // 2
    first = max(0, -(-(margin - layer.offset) // layer.stride))
    last = (frame_size - side + margin - layer.offset) // layer.stride
    if last < first:
        needed = layer.stride * first + layer.offset - margin + side
        raise UserError(
            f"a unit of {layer.name} sees {layer.receptive_field} pixels, and turning them takes {side}: "
            f"frames of {frame_size} are too small, raise images.frame_size to at least {needed}"
        )
    return np.arange(first, last + 1)


def unit_centre(layer: Layer, unit: np.ndarray) -> np.ndarray:
    """Pixel of the frame at the receptive field's centre, along one axis; of an even one, the later of the two."""
    return layer.offset + layer.stride * unit + layer.receptive_field // 2


def unit_at(layer: Layer, centre: np.ndarray) -> np.ndarray:
    """The unit whose receptive field has this centre: what `unit_centre` was given."""
    return (centre - layer.receptive_field // 2 - layer.offset) // layer.stride


def patch_start(centre: int, side: int) -> int:
    """First pixel, along one axis, of the patch of `side` pixels about a centre as `unit_centre` gives it."""
    return centre - side // 2


def choose_test(origins: Sequence[str], test_share: float, rng: np.random.Generator) -> np.ndarray:
    """[images] bool: which are set aside for the test, about test_share of them.

    Images of one origin (cuts of one photograph) go to the same side. Raises UserError when no split is possible.
    """
    test = np.zeros(len(origins), dtype=bool)
    if test_share == 0:
        return test
    origins = np.asarray(origins)
    wanted = max(1, round(test_share * len(origins)))
    sizes = dict(zip(*np.unique(origins, return_counts=True), strict=True))
    if len(sizes) == 1:
        raise UserError("one photograph can't be split into train and test: give more images or set test_share to 0")
    # The smallest is always within reach, so that the test is never empty.
    wanted = min(max(wanted, min(sizes.values())), len(origins) - 1)
    for origin in rng.permutation(sorted(sizes)):
        if test.sum() + sizes[origin] <= wanted:
            test |= origins == origin
    return test


def spread(orbits: int, images: int) -> np.ndarray:
    """[images] int: how many orbits each image gives; they differ by one at most."""
    return orbits // images + (np.arange(images) < orbits % images)


def assign_shards(train: int, test: int, orbits_per_shard: int) -> np.ndarray:
    """[train + test] int: shard of each row, train rows before test rows; a shard is train or test as a whole."""
    train_shards = -(-train // orbits_per_shard)
    return np.concatenate([np.arange(train) // orbits_per_shard, train_shards + np.arange(test) // orbits_per_shard])


def choose_positions(count: int, units: np.ndarray, norms_yx: np.ndarray | None, image: str, seed: int) -> np.ndarray:
    """[count, 2] units (row, column) of one image, all different, in reading order.

    norms_yx: [units, units] ‖a‖₂ to choose with probability ∝ norm ("over-sampling large activations", curves paper);
    None for the uniform choice. Silent positions come only once all others are taken.
    Raises UserError when the image has fewer positions than wanted.
    """
    positions = len(units) ** 2
    if count > positions:
        raise UserError(
            f"{count} orbits are wanted of each image, but only {positions} units see a whole source patch of the "
            "frame: lower orbits, give more images or raise images.frame_size"
        )
    share = None
    if norms_yx is not None:
        share = norms_yx.astype(np.float64).ravel()
        if np.count_nonzero(share) < count:
            share += (share.max() or 1.0) * 1e-12
        share /= share.sum()
    rng = np.random.default_rng([seed, int(image, 16)])
    chosen = np.sort(rng.choice(positions, size=count, replace=False, p=share))
    return np.stack([units[chosen // len(units)], units[chosen % len(units)]], axis=1)
