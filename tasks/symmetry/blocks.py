"""Transform-block analysis: the symmetry of a group crosscoder's features, read from their decoder blocks alone.

Feature i owns a block d_i^g for each g of G, D_n or C_n: what it says the layer holds when g transforms the image.
Arrays are numpy; blocks are float32 [features, |G|, channels], the rest float64.

Two similarities are read from them:
* profile       c(g) = cos(d^e, d^g)                               [paper: blocks compared by similarity; form ours]
* similarity    s(g) = Σ_h <d^h, d^hg> / Σ_h ‖d^h‖ ‖d^hg‖           [ours]
The profile is seen from the identity block only. What g leaves as it is must satisfy d^hg = d^h for every h, so the
similarity asks all |G| blocks, which also averages their noise away; it alone decides stabiliser and type.

Noise in the blocks shrinks every s(g) with g ≠ e by one factor, and so does whatever one block holds that no other
does. That factor, the ceiling, is taken to be max_{g≠e} s(g): a lower bound that is exact where anything but e is in
the stabiliser, and close where neighbouring rotations look alike. With less than 8 rotations neighbours are ≥ 51° apart
and need not look alike, so there the ceiling is 1: noise can't be told from tuning.           [ours]
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from tasks.errors import UserError
from tasks.symmetry.group import DihedralGroup

SIMILARITY_THRESHOLD = 0.85
"""τ: g leaves a feature as it is when s(g) ≥ τ · ceiling."""
COHESION_FLOOR = 0.3
"""Where no g ≠ e reaches this s(g), less than 30 % of a block is found again in any other: no structure to read."""
THRESHOLD_OFFSETS = (-0.1, -0.05, 0.0, 0.05, 0.1)
RESAMPLES = 32
MIN_ROTATIONS_FOR_CEILING = 8
CHUNK_BYTES = 32 << 20


@dataclass(frozen=True)
class BlockSymmetry:
    """What the blocks of m features say: one entry, or row, per feature.

    norms [m, |G|]; profiles c(g) and similarity s(g) [m, |G|]; harmonics [m, n//2 + 1], shares of energy;
    rotational_orders [m]; invariance [m], mean of c over G; mirror [m] and mirror_elements [m], nan and −1 in C_n;
    stabilisers [m, |G|], membership; rotation_symmetry [m], k of the type's C_k or 0 for mixed;
    confidence [m] in [0, 1].
    """

    norms: np.ndarray
    profiles: np.ndarray
    similarity: np.ndarray
    harmonics: np.ndarray
    rotational_orders: np.ndarray
    invariance: np.ndarray
    mirror: np.ndarray
    mirror_elements: np.ndarray
    stabilisers: np.ndarray
    rotation_symmetry: np.ndarray
    confidence: np.ndarray


def block_norms(blocks: np.ndarray) -> np.ndarray:
    """[features, |G|]: ‖d^g‖, where the feature is expressed at all."""
    return np.linalg.norm(np.asarray(blocks, np.float64), axis=2)


def block_profiles(blocks: np.ndarray) -> np.ndarray:
    """[features, |G|]: c(g) = cos(d^e, d^g); c(e) = 1, and 0 where one of the two blocks is zero."""
    blocks = np.asarray(blocks, np.float64)
    norms = block_norms(blocks)
    products = (blocks @ blocks[:, 0, :, None])[..., 0]
    profiles = _ratio(products, norms[:, :1] * norms).clip(-1, 1)
    profiles[:, 0] = 1.0
    return profiles


def profile_harmonics(profiles: np.ndarray, group: DihedralGroup) -> np.ndarray:
    """[features, n//2 + 1]: share of the rotation profile's energy in harmonics 0 … n//2; shares sum to 1."""
    n = group.n_rotations
    energy = np.abs(np.fft.rfft(profiles[:, :n], axis=1)) ** 2
    energy[:, 1 : (n + 1) // 2] *= 2  # the real transform leaves out harmonics −k
    return energy / energy.sum(axis=1, keepdims=True)


def best_mirror(profiles: np.ndarray, group: DihedralGroup) -> tuple[np.ndarray, np.ndarray]:
    """[features] largest c(g) over the reflections, and [features] the element that reaches it; nan and −1 in C_n."""
    if not group.reflections:
        return np.full(len(profiles), np.nan), np.full(len(profiles), -1)
    elements = group.n_rotations + profiles[:, group.n_rotations :].argmax(axis=1)
    return profiles[np.arange(len(profiles)), elements], elements


def rotation_symmetry(similarity: np.ndarray, group: DihedralGroup, threshold: float) -> np.ndarray:
    """[...]: the largest k whose C_k lies in {g : s(g) ≥ threshold}, for similarity [..., |G|]."""
    n = group.n_rotations
    largest = np.ones(similarity.shape[:-1], dtype=np.int64)
    for k in (k for k in range(2, n + 1) if n % k == 0):
        holds = similarity[..., n // k : n : n // k].min(axis=-1) >= threshold
        largest[holds] = k
    return largest


def stabiliser(similarity: np.ndarray, group: DihedralGroup, threshold: float) -> np.ndarray:
    """[features, |G|] bool: the subgroup read out of {g : s(g) ≥ threshold}, for similarity [features, |G|].

    That set is seldom closed: what is next to a symmetry passes too. Taken is the largest C_k inside it and,
    if one of the n/k dihedral groups D_k over that C_k is inside it as well, the one whose least similar reflection is
    the most similar. Rotations come first, so that type and stabiliser never contradict each other. Source: ours.
    """
    n = group.n_rotations
    members = np.zeros(similarity.shape, dtype=bool)
    orders = rotation_symmetry(similarity, group, threshold)
    for k in np.unique(orders):
        features = np.flatnonzero(orders == k)
        members[features[:, None], np.arange(0, n, n // k)] = True
        if not group.reflections:
            continue
        # the reflections of the D_k number a are r^a s, r^(a + n/k) s, …
        weakest = similarity[features, n:].reshape(len(features), k, n // k).min(axis=1)
        axis = weakest.argmax(axis=1)
        dihedral = weakest.max(axis=1) >= threshold
        reflections = n + axis[dihedral, None] + np.arange(0, n, n // k)
        members[features[dihedral, None], reflections] = True
    return members


def stabiliser_name(members: np.ndarray, group: DihedralGroup) -> str:
    """trivial, C_k, D_k or full, for [|G|] bool membership of a subgroup."""
    k = int(members[: group.n_rotations].sum())
    if members.all():
        return "full"
    if members[group.n_rotations :].any():
        return f"D_{k}"
    return "trivial" if k == 1 else f"C_{k}"


def type_name(k: int, group: DihedralGroup) -> str:
    """mixed (k = 0), invariant (every rotation of a group that has any but e), else period-P with P = 360 / k."""
    if k == 0:
        return "mixed"
    return "invariant" if k == group.n_rotations > 1 else f"period-{360 / k:g}"


def analyse_blocks(blocks: np.ndarray, group: DihedralGroup, threshold: float = SIMILARITY_THRESHOLD) -> BlockSymmetry:
    """Symmetry of every feature, from blocks float32 [features, |G|, channels]. Definitions: ours.

    Type: period 360°/k for the largest C_k that leaves the feature as it is; invariant where that is every rotation,
    whatever the reflections do (the stabiliser tells: full or C_n). Mixed: no element but e reaches a similarity of
    COHESION_FLOOR, or fewer than half of the readings below agree with the first.

    Confidence: the type is read again from RESAMPLES bootstrap samples of the |G| views (blocks that stand for e), each
    of |G|/2 views because every pair of blocks stands in two, and at five thresholds within τ ± 0.1. It is the share of
    readings that agree with the first, or that do not where the type is mixed for want of agreement. So it falls with
    noise, until nothing can be read and mixed grows sure, and it falls near a threshold; it can't know of symmetry
    finer than the group's own grid.

    Rotational order: harmonic ≥ 1 of the profile with the most energy; 0 where every rotation leaves the feature as it
    is.

    Memory beyond the result stays near a few CHUNK_BYTES, whatever the number of features.
    Raises UserError on blocks that are not finite or not of this group, and for the group of one element.
    """
    if group.order == 1:
        raise UserError("blocks of one transform have no symmetry to read: take a set with rotations or reflections")
    if blocks.ndim != 3 or blocks.shape[1] != group.order:
        raise UserError(
            f"blocks have shape {tuple(blocks.shape)}: expected [features, {group.order}, channels] "
            f"for the group {group.name}"
        )
    features_per_chunk = max(1, CHUNK_BYTES // (8 * group.order * max(blocks.shape[2], group.order, RESAMPLES)))
    starts = range(0, max(len(blocks), 1), features_per_chunk)
    parts = [vars(_analyse_chunk(blocks[i : i + features_per_chunk], i, group, threshold)) for i in starts]
    return BlockSymmetry(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})


def symmetry_tables(
    dictionary_key: str, blocks: np.ndarray, group: DihedralGroup, live: np.ndarray
) -> dict[str, pl.DataFrame]:
    """Rows of transform_blocks, feature_harmonics and feature_symmetry for the live features.

    blocks: float32 [features, |G|, channels]; live: bool [features]. Columns and grain: sql/schema/04_symmetry.sql.
    """
    features = np.flatnonzero(live)
    found = analyse_blocks(blocks, group)
    found = BlockSymmetry(**{name: values[features] for name, values in vars(found).items()})
    n_harmonics = found.harmonics.shape[1]
    orders = found.rotation_symmetry
    types = [type_name(k, group) for k in orders]
    return {
        "transform_blocks": _frame(
            dictionary_key,
            feature=(np.repeat(features, group.order), pl.Int32),
            element=(np.tile(group.elements, len(features)), pl.Int32),
            rotation_degrees=(np.tile(group.rotation_degrees(group.elements), len(features)), pl.Float64),
            mirrored=(np.tile(group.is_reflection(group.elements), len(features)), pl.Boolean),
            norm=(found.norms.ravel(), pl.Float64),
            cosine_to_identity=(found.profiles.ravel(), pl.Float64),
        ),
        "feature_harmonics": _frame(
            dictionary_key,
            feature=(np.repeat(features, n_harmonics), pl.Int32),
            harmonic=(np.tile(np.arange(n_harmonics), len(features)), pl.Int32),
            energy=(found.harmonics.ravel(), pl.Float64),
        ),
        "feature_symmetry": _frame(
            dictionary_key,
            feature=(features, pl.Int32),
            type=(types, pl.String),
            period_degrees=(
                [360 / k if name.startswith("period") else None for k, name in zip(orders, types, strict=True)],
                pl.Float64,
            ),
            confidence=(found.confidence, pl.Float64),
            rotational_order=(found.rotational_orders, pl.Int32),
            invariance=(found.invariance, pl.Float64),
            mirror=(found.mirror if group.reflections else [None] * len(features), pl.Float64),
            mirror_element=(found.mirror_elements if group.reflections else [None] * len(features), pl.Int32),
            stabiliser=([stabiliser_name(members, group) for members in found.stabilisers], pl.String),
            stabiliser_order=(found.stabilisers.sum(axis=1), pl.Int32),
        ),
    }


def _analyse_chunk(blocks: np.ndarray, first_feature: int, group: DihedralGroup, threshold: float) -> BlockSymmetry:
    blocks = blocks.astype(np.float64, order="C")
    finite = np.isfinite(blocks).all(axis=(1, 2))
    if not finite.all():
        feature = first_feature + int(np.argmin(finite))
        raise UserError(f"blocks of feature {feature} are not finite: training diverged, lower the learning rate")
    profiles = block_profiles(blocks)
    harmonics = profile_harmonics(profiles, group)
    mirror, mirror_elements = best_mirror(profiles, group)

    products, weights = _views(blocks, group)
    similarity = _weighted_similarity(products, weights, np.ones((1, group.order)))
    nearest = 1 + similarity[:, 0, 1:].argmax(axis=1)
    relative, cohesion = _relative_to_ceiling(similarity, nearest, group)
    relative[cohesion < COHESION_FLOOR, 1:] = -1.0  # nothing to read: trivial
    stabilisers = stabiliser(relative[:, 0], group, threshold)

    reading = _read(similarity, nearest, group, threshold, 0.0)[:, 0]
    evenly = np.full(group.order, 1 / group.order)
    draws = np.random.default_rng(0).multinomial(group.order // 2, evenly, size=RESAMPLES)
    resampled = _weighted_similarity(products, weights, draws)
    rereadings = [_read(resampled, nearest, group, threshold, offset) for offset in THRESHOLD_OFFSETS]
    agreement = np.mean([(again == reading[:, None]).mean(axis=1) for again in rereadings], axis=0)
    undecided = (agreement < 0.5) & (reading > 0)

    n = group.n_rotations
    flat = (reading == n) & (n > 1)
    strongest_harmonic = 1 + harmonics[:, 1:].argmax(axis=1) if n > 1 else np.zeros(len(blocks), dtype=np.int64)
    return BlockSymmetry(
        norms=block_norms(blocks),
        profiles=profiles,
        similarity=similarity[:, 0],
        harmonics=harmonics,
        rotational_orders=np.where(flat, 0, strongest_harmonic),
        invariance=profiles.mean(axis=1),
        mirror=mirror,
        mirror_elements=mirror_elements,
        stabilisers=stabilisers,
        rotation_symmetry=np.where(undecided, 0, reading),
        confidence=np.where(undecided, 1 - agreement, agreement),
    )


def _views(blocks: np.ndarray, group: DihedralGroup) -> tuple[np.ndarray, np.ndarray]:
    """[features, |G|, |G|] twice: <d^h, d^hg> and ‖d^h‖ ‖d^hg‖ at [feature, h, g]; h stands for the identity."""
    gram = blocks @ blocks.transpose(0, 2, 1)
    norms = np.sqrt(np.diagonal(gram, axis1=1, axis2=2))
    products = gram[:, group.elements[:, None], group.cayley]
    return products, norms[:, :, None] * norms[:, group.cayley]


def _weighted_similarity(products: np.ndarray, weights: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """[features, samples, |G|]: s(g) over views taken counts [samples, |G|] times."""
    counts = counts.astype(np.float64)
    similarity = _ratio(counts @ products, counts @ weights).clip(-1, 1)
    similarity[..., 0] = 1.0
    return similarity


def _relative_to_ceiling(
    similarity: np.ndarray, nearest: np.ndarray, group: DihedralGroup
) -> tuple[np.ndarray, np.ndarray]:
    """[features, samples, |G|] similarity over its ceiling, and [features, samples] s at the most similar g ≠ e."""
    cohesion = np.take_along_axis(similarity, nearest[:, None, None], axis=2)
    if group.n_rotations < MIN_ROTATIONS_FOR_CEILING:
        return similarity.copy(), cohesion[..., 0]
    # the floor keeps the ratio meaningful where there is nothing to read
    return similarity / np.maximum(cohesion, COHESION_FLOOR / 2), cohesion[..., 0]


def _read(
    similarity: np.ndarray, nearest: np.ndarray, group: DihedralGroup, threshold: float, offset: float
) -> np.ndarray:
    """[features, samples]: k of the largest C_k that leaves the feature as it is, 0 where there is nothing to read."""
    relative, cohesion = _relative_to_ceiling(similarity, nearest, group)
    return np.where(cohesion < COHESION_FLOOR + offset, 0, rotation_symmetry(relative, group, threshold + offset))


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


def _frame(dictionary_key: str, **columns) -> pl.DataFrame:
    frame = pl.DataFrame([pl.Series(name, values, dtype=dtype) for name, (values, dtype) in columns.items()])
    return frame.select(pl.lit(dictionary_key, dtype=pl.String).alias("dictionary_id"), pl.all())
