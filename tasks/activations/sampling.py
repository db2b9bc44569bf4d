"""Sample the units of each image (methods §2). Every choice depends only on the seed and the images' keys."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from tasks.errors import UserError

Sampling = Literal["uniform", "norm"]
"""How the units of an image are drawn: all alike, or those with large activations more often."""


def choose_test(origins: Sequence[str], test_share: float, rng: np.random.Generator) -> np.ndarray:
    """Choose the images of the test split, about test_share of them; returns bool [images].

    Images of the same origin (cuts of one photograph) are in the same split. Raises UserError if no split is possible.
    """
    if test_share == 0:
        return np.zeros(len(origins), dtype=bool)
    names, origin_n, sizes = np.unique(np.asarray(origins, dtype=object), return_inverse=True, return_counts=True)
    if len(names) == 1:
        raise UserError("one photograph can't be split into train and test: give more images or set test_share to 0")
    wanted = max(1, round(test_share * len(origins)))
    # at least the smallest origin fits, so that the test split is never empty
    wanted = min(max(wanted, sizes.min()), len(origins) - 1)
    chosen, total = np.zeros(len(names), dtype=bool), 0
    for place in rng.permutation(len(names)):
        if total + sizes[place] <= wanted:
            chosen[place] = True
            total += sizes[place]
    return chosen[origin_n]


def spread(orbits: int, images: int) -> np.ndarray:
    """Return the number of orbits per image, int [images]; they differ by at most one."""
    return orbits // images + (np.arange(images) < orbits % images)


def assign_shards(train: int, test: int, orbits_per_shard: int) -> np.ndarray:
    """Return the shard of each row, int [train + test], train rows first; no shard has rows of both splits."""
    train_shards = -(-train // orbits_per_shard)
    return np.concatenate([np.arange(train) // orbits_per_shard, train_shards + np.arange(test) // orbits_per_shard])


def choose_positions(
    count: int, units: tuple[np.ndarray, np.ndarray], norms_yx: np.ndarray | None, image: str, seed: int
) -> np.ndarray:
    """Draw positions of one image without replacement; returns units (row, column), [count, 2], in reading order.

    units: the rows and the columns to draw from
    norms_yx: [rows, columns], ‖a‖₂, for a probability ∝ norm ("over-sampling large activations", curves paper); None
    for uniform sampling. Positions with norm 0 are drawn only after all others. Raises UserError if the image has fewer
    than `count` positions.
    """
    rows, columns = units
    positions = len(rows) * len(columns)
    if count > positions:
        raise UserError(
            f"{count} orbits are needed from each image, but only {positions} units have their source patch inside the "
            "frame: lower orbits, give more images or raise images.frame_size"
        )
    share = None
    if norms_yx is not None:
        share = norms_yx.astype(np.float64).ravel()
        if np.count_nonzero(share) < count:
            share += (share.max() or 1.0) * 1e-12
        share /= share.sum()
    rng = np.random.default_rng([seed, int(image, 16)])
    places = np.sort(rng.choice(positions, size=count, replace=False, p=share))
    return np.stack([rows[places // len(columns)], columns[places % len(columns)]], axis=1)
