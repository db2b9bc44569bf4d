"""Planted dictionaries: transform blocks whose symmetry is known because it was built in.

A bank of units stands for the layer. Unit j prefers a direction u_j (a unit vector, drawn evenly) and a handedness
χ_j = ±1, and has a gain of its own. A feature is a tuning T(direction, handedness). Transforming the image by g moves
the pattern, not the units, so unit j answers as it would to the pattern at rest had it stood at g⁻¹:
    d^g_j = gain_j · T(M(g)⁻¹ u_j, det M(g) · χ_j).
g leaves the feature as it is exactly where T does not change under M(g), the group's 2x2 matrix (not its Cayley table).
"""

from dataclasses import dataclass

import numpy as np

from tasks.symmetry.group import DihedralGroup

CHANNELS = 192
ISOTROPIC_SHARE = 0.3
"""of the units answer alike to every direction: a layer's activations are part invariant."""


@dataclass(frozen=True)
class Kind:
    """A type of feature. fold: tuning repeats every 360°/fold, 0 = flat; chiral: of the tuned units, the right-handed
    alone answer."""

    fold: int
    type: str
    chiral: bool = False

    def stabiliser(self, n_rotations: int) -> str:
        k = n_rotations if self.fold == 0 else self.fold
        if self.chiral:
            return "trivial" if k == 1 else f"C_{k}"
        return "full" if k == n_rotations else f"D_{k}"

    def stabiliser_of_rotations(self, n_rotations: int) -> str:
        """As `stabiliser`, in a group without reflections."""
        k = n_rotations if self.fold == 0 else self.fold
        return "full" if k == n_rotations else "trivial" if k == 1 else f"C_{k}"


KINDS = {
    "curve": Kind(1, "period-360"),
    "line": Kind(2, "period-180"),
    "trefoil": Kind(3, "period-120"),
    "cross": Kind(4, "period-90"),
    "centre-surround": Kind(0, "invariant"),
    "hook": Kind(1, "period-360", chiral=True),
    "letter S": Kind(2, "period-180", chiral=True),
    "pinwheel": Kind(0, "invariant", chiral=True),
}


def planted_blocks(
    kind: Kind,
    group: DihedralGroup,
    count: int,
    rng: np.random.Generator,
    noise: float = 0.0,
    on_grid: bool = False,
    least_sharpness: float = 1.0,
) -> np.ndarray:
    """float32 [count, |G|, CHANNELS]: features of one kind, each with an orientation and a sharpness of its own.

    noise: norm of the Gaussian noise over the norm of the signal. on_grid: mirror axes lie on the group's own.
    least_sharpness: of the von Mises bumps, which go up to 4.
    """
    unit_angles = rng.uniform(0, 2 * np.pi, CHANNELS)
    handedness = rng.choice([-1, 1], CHANNELS)
    isotropic = rng.random(CHANNELS) < ISOTROPIC_SHARE
    gains = rng.lognormal(0, 0.5, (count, 1, CHANNELS))
    matrices = np.stack([group.matrix(g) for g in group.elements])
    directions = np.stack([np.cos(unit_angles), np.sin(unit_angles)])
    x, y = np.moveaxis(matrices.transpose(0, 2, 1) @ directions, 1, 0)  # orthogonal: inverse = transpose
    angles = np.arctan2(y, x)
    seen_handedness = np.linalg.det(matrices).round()[:, None] * handedness

    # mirror axes: half steps of the rotation, counted from the vertical axis of s
    half_steps = rng.integers(0, group.order, count) if on_grid else rng.uniform(0, group.order, count)
    orientation = (np.pi / 2 + np.pi * half_steps / group.n_rotations)[:, None, None]
    sharpness = rng.uniform(least_sharpness, 4, (count, 1, 1))
    tuning = np.exp(sharpness * (np.cos(kind.fold * (angles - orientation)) - 1))
    if kind.chiral:
        tuning = tuning * (seen_handedness > 0)
    answers = np.where(isotropic, tuning.mean(axis=(1, 2), keepdims=True), tuning)
    return with_noise(gains * answers, noise, rng)


def unstructured_blocks(group: DihedralGroup, count: int, rng: np.random.Generator) -> np.ndarray:
    """float32 [count, |G|, CHANNELS]: every block drawn alone."""
    return rng.standard_normal((count, group.order, CHANNELS)).astype(np.float32)


def mirrored_blocks(
    group: DihedralGroup, count: int, mirror: int, rng: np.random.Generator, noise: float = 0.0
) -> np.ndarray:
    """float32 [count, |G|, CHANNELS]: d^g = d^(g mirror) and no other two blocks are related."""
    blocks = rng.standard_normal((count, group.order, CHANNELS))
    coset = np.minimum(group.elements, group.cayley[:, mirror])
    return with_noise(blocks[:, coset], noise, rng)


def with_noise(blocks: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """float32 blocks plus Gaussian noise of `noise` times the feature's root mean square norm."""
    signal = np.sqrt((blocks**2).sum(axis=2).mean(axis=1) / blocks.shape[2])[:, None, None]
    return (blocks + noise * signal * rng.standard_normal(blocks.shape)).astype(np.float32)
