"""Transform-block analysis: the symmetry of a group crosscoder's features, from their decoder blocks (methods §4).

Feature i has a block d_i^g for each g of G, D_n or C_n of rotations or hue, or a range of scales: its contribution to
the layer's activation when g transforms the image. Arrays are numpy; blocks are float32 [features, |G|, channels], the
rest float64.

Two functions on the group are computed from the blocks:
* profile       c(g) = cos(d^e, d^g)                               [paper: blocks compared by similarity; form ours]
* similarity    s(g) = Σ_h <d^h, d^hg> / Σ_h ‖d^h‖ ‖d^hg‖           [ours]
The profile uses only the identity block as reference. A feature that is invariant under g satisfies d^hg = d^h for
every h. The similarity therefore uses all |G| blocks as references, which also averages their noise; it alone
determines stabiliser and type.

Noise in the blocks, and any content that only one block has, reduces every s(g) with g ≠ e by one factor, the ceiling.
It is estimated by max_{g≠e} s(g). This is a lower bound, exact if the stabiliser contains any g ≠ e, and close if
neighbouring rotations have similar blocks. With fewer than 8 rotations, neighbours are ≥ 51° apart and need not be
similar; there the ceiling is 1, and noise can't be distinguished from tuning. So it is with fewer than 4 scales per
octave.                                                                                  [ours]

Scales are no group: s(g) is summed over the h for which hg is in the range, and a feature has neither harmonics nor a
stabiliser. It is invariant if every g passes the threshold, and tuned otherwise.          [ours]
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from tasks.errors import UserError
from tasks.symmetry.scales import ScaleRange
from tasks.symmetry.transformations import Transformations

SIMILARITY_THRESHOLD = 0.85
"""τ: a feature counts as invariant under g if s(g) ≥ τ · ceiling."""
COHESION_FLOOR = 0.3
"""If no g ≠ e reaches this s(g), the blocks share too little (less than 30 %) to determine a symmetry."""
THRESHOLD_OFFSETS = (-0.1, -0.05, 0.0, 0.05, 0.1)
RESAMPLES = 32
CHUNK_BYTES = 32 << 20


@dataclass(frozen=True)
class BlockSymmetry:
    """The symmetry of m features; each array has one entry or row per feature.

    norms: [m, |G|], ‖d^g‖
    profiles, similarity: [m, |G|], c(g) and s(g)
    harmonics: [m, n//2 + 1], shares of the profile's energy; scales have n = 1
    rotational_orders: [m], the harmonic ≥ 1 with the most energy; 0 for an invariant feature and for scales
    invariance: [m], mean of c over G
    mirror, mirror_elements: [m], largest c over the reflections and its element; NaN and −1 in C_n
    stabilisers: [m, |G|], bool membership; without meaning for scales
    rotation_symmetry: [m], k of the type's C_k, or 0 for mixed; for scales |G| for invariant and 1 for tuned
    confidence: [m], in [0, 1]
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
    """Return ‖d^g‖, [features, |G|]: how strongly the feature is expressed under each transform."""
    return np.linalg.norm(np.asarray(blocks, np.float64), axis=2)


def block_profiles(blocks: np.ndarray) -> np.ndarray:
    """Return c(g) = cos(d^e, d^g), [features, |G|]; c(e) = 1, and c(g) = 0 if one of the two blocks is zero."""
    blocks = np.asarray(blocks, np.float64)
    norms = block_norms(blocks)
    products = (blocks @ blocks[:, 0, :, None])[..., 0]
    profiles = _ratio(products, norms[:, :1] * norms).clip(-1, 1)
    profiles[:, 0] = 1.0
    return profiles


def profile_harmonics(profiles: np.ndarray, group: Transformations) -> np.ndarray:
    """Return the shares of the rotation profile's energy in harmonics 0 … n//2, [features, n//2 + 1]; they sum to 1."""
    n = group.n_rotations
    energy = np.abs(np.fft.rfft(profiles[:, :n], axis=1)) ** 2
    energy[:, 1 : (n + 1) // 2] *= 2  # the real transform omits the harmonics −k
    return energy / energy.sum(axis=1, keepdims=True)


def best_mirror(profiles: np.ndarray, group: Transformations) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest c(g) over the reflections and its element g, both [features]; NaN and −1 in C_n."""
    if not group.reflections:
        return np.full(len(profiles), np.nan), np.full(len(profiles), -1)
    elements = group.n_rotations + profiles[:, group.n_rotations :].argmax(axis=1)
    return profiles[np.arange(len(profiles)), elements], elements


def rotation_symmetry(similarity: np.ndarray, group: Transformations, threshold: float) -> np.ndarray:
    """Return the largest k for which {g : s(g) ≥ threshold} contains C_k, [...], for similarity [..., |G|].

    For scales: |G| where it contains all of them, else 1.
    """
    if isinstance(group, ScaleRange):
        return np.where(similarity.min(axis=-1) >= threshold, group.order, 1)
    n = group.n_rotations
    largest = np.ones(similarity.shape[:-1], dtype=np.int64)
    for k in (k for k in range(2, n + 1) if n % k == 0):
        holds = similarity[..., n // k : n : n // k].min(axis=-1) >= threshold
        largest[holds] = k
    return largest


def stabiliser(similarity: np.ndarray, group: Transformations, threshold: float) -> np.ndarray:
    """Return the stabiliser, bool [features, |G|], for similarity [features, |G|].

    The set {g : s(g) ≥ threshold} is usually not a subgroup, since elements next to a symmetry pass the threshold too.
    The stabiliser is the largest C_k inside the set. If the set also contains at least one of the n/k dihedral groups
    D_k over that C_k, it is the D_k whose least similar reflection is the most similar. Rotations are determined first,
    so that type and stabiliser can't contradict each other. Source: ours.
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


def stabiliser_name(members: np.ndarray, group: Transformations) -> str:
    """Return the name of a subgroup, given as bool [|G|]: "trivial", "C_k", "D_k" or "full"."""
    k = int(members[: group.n_rotations].sum())
    if members.all():
        return "full"
    if members[group.n_rotations :].any():
        return f"D_{k}"
    return "trivial" if k == 1 else f"C_{k}"


def mirror_axes(members: np.ndarray, group: Transformations) -> list[float]:
    """Return the mirror axes of a subgroup's reflections, degrees counter-clockwise from the right, in [0, 180).

    members: bool [|G|]. The reflection r^a s, with a in degrees, has its axis at 90 + a/2; D_k has k axes. Of hue, axes
    are at a/2 from red towards green.
    """
    reflections = group.n_rotations + np.flatnonzero(members[group.n_rotations :])
    of_s = 0 if group.transformations == "hue" else 90
    return np.sort((of_s + group.rotation_degrees(reflections) / 2) % 180).tolist()


def type_name(k: int, group: Transformations) -> str:
    """Return "mixed" for k = 0, "invariant" for all rotations (k = n > 1), else "period-P" with P = 360 / k.

    For scales: "invariant" for all of them (k = |G|), else "tuned".
    """
    if k == 0:
        return "mixed"
    if isinstance(group, ScaleRange):
        return "invariant" if k == group.order else "tuned"
    return "invariant" if k == group.n_rotations > 1 else f"period-{360 / k:g}"


def analyse_blocks(
    blocks: np.ndarray, group: Transformations, threshold: float = SIMILARITY_THRESHOLD
) -> BlockSymmetry:
    """Determine the symmetry of every feature from blocks, float32 [features, |G|, channels]. Definitions: ours.

    Type: period 360°/k for the largest C_k under which the feature is invariant; invariant if C_k contains all
    rotations, whether or not the feature is mirror-symmetric (its stabiliser is then full or C_n). Mixed: no element
    but e reaches a similarity of COHESION_FLOOR, or fewer than half of the readings below agree with the first.

    Confidence: the type is determined again from RESAMPLES bootstrap samples of the |G| reference blocks, at five
    thresholds within τ ± 0.1. A sample has |G|/2 references, because every pair of blocks occurs with either block as
    the reference. Confidence is the share of readings that agree with the first, or, for a feature that is mixed for
    lack of agreement, that disagree. It decreases with noise and near a threshold; with very strong noise, `mixed` gets
    a high confidence. It doesn't account for symmetries finer than the group's own grid.

    Rotational order: the harmonic ≥ 1 of the profile with the most energy; 0 if the feature is invariant under all
    rotations.

    Scales: invariant if every scale passes, tuned otherwise.

    Memory beyond the result is a few CHUNK_BYTES, whatever the number of features. Raises UserError for blocks that are
    not finite or don't belong to this group, and for the group of one element.
    """
    if group.order == 1:
        raise UserError("blocks of a single transform have no symmetry: use a set with rotations or reflections")
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
    dictionary_key: str, blocks: np.ndarray, group: Transformations, live: np.ndarray
) -> dict[str, pl.DataFrame]:
    """Return the tables transform_blocks, feature_harmonics and feature_symmetry of the live features.

    blocks: float32 [features, |G|, channels]; live: bool [features]. sql/schema/04_symmetry.sql documents the columns.
    """
    features = np.flatnonzero(live)
    symmetry = analyse_blocks(blocks, group)
    symmetry = BlockSymmetry(**{name: values[features] for name, values in vars(symmetry).items()})
    n_harmonics = symmetry.harmonics.shape[1]
    orders = symmetry.rotation_symmetry
    types = [type_name(k, group) for k in orders]
    scales, nothing = group if isinstance(group, ScaleRange) else None, [None] * len(features)
    tables = {
        "transform_blocks": _frame(
            dictionary_key,
            feature=(np.repeat(features, group.order), pl.Int32),
            element=(np.tile(group.elements, len(features)), pl.Int32),
            rotation_degrees=(np.tile(group.rotation_degrees(group.elements), len(features)), pl.Float64),
            mirrored=(np.tile(group.is_reflection(group.elements), len(features)), pl.Boolean),
            octaves=(
                np.tile(scales.octaves_of(scales.elements), len(features)) if scales else nothing * group.order,
                pl.Float64,
            ),
            norm=(symmetry.norms.ravel(), pl.Float64),
            cosine_to_identity=(symmetry.profiles.ravel(), pl.Float64),
        ),
        "feature_harmonics": _frame(
            dictionary_key,
            feature=(np.repeat(features, n_harmonics), pl.Int32),
            harmonic=(np.tile(np.arange(n_harmonics), len(features)), pl.Int32),
            energy=(symmetry.harmonics.ravel(), pl.Float64),
        ),
        "feature_symmetry": _frame(
            dictionary_key,
            feature=(features, pl.Int32),
            type=(types, pl.String),
            period_degrees=(
                [360 / k if name.startswith("period") else None for k, name in zip(orders, types, strict=True)],
                pl.Float64,
            ),
            confidence=(symmetry.confidence, pl.Float64),
            rotational_order=(nothing if scales else symmetry.rotational_orders, pl.Int32),
            invariance=(symmetry.invariance, pl.Float64),
            mirror=(symmetry.mirror if group.reflections else nothing, pl.Float64),
            mirror_element=(symmetry.mirror_elements if group.reflections else nothing, pl.Int32),
            stabiliser=(
                nothing if scales else [stabiliser_name(members, group) for members in symmetry.stabilisers],
                pl.String,
            ),
            stabiliser_order=(nothing if scales else symmetry.stabilisers.sum(axis=1), pl.Int32),
            mirror_axes_degrees=(
                nothing if scales else [mirror_axes(members, group) for members in symmetry.stabilisers],
                pl.List(pl.Float64),
            ),
            preferred_octaves=(
                scales.octaves_of(symmetry.norms.argmax(axis=1)) if scales else nothing,
                pl.Float64,
            ),
        ),
    }
    if scales:  # a profile over scales has no harmonics
        del tables["feature_harmonics"]
    return tables


def _analyse_chunk(blocks: np.ndarray, first_feature: int, group: Transformations, threshold: float) -> BlockSymmetry:
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
    relative[cohesion < COHESION_FLOOR, 1:] = -1.0  # no structure: trivial stabiliser
    stabilisers = np.zeros(profiles.shape, dtype=bool)
    if not isinstance(group, ScaleRange):
        stabilisers = stabiliser(relative[:, 0], group, threshold)

    reading = _read(similarity, nearest, group, threshold, 0.0)[:, 0]
    uniform = np.full(group.order, 1 / group.order)
    draws = np.random.default_rng(0).multinomial(group.order // 2, uniform, size=RESAMPLES)
    resampled = _weighted_similarity(products, weights, draws)
    unseen_sg = draws @ (group.cayley >= 0) == 0  # of scales far apart, a sample may contain no pair
    if unseen_sg.any():
        resampled = np.where(unseen_sg, similarity, resampled)
    rereadings = [_read(resampled, nearest, group, threshold, offset) for offset in THRESHOLD_OFFSETS]
    agreement = np.mean([(again == reading[:, None]).mean(axis=1) for again in rereadings], axis=0)
    undecided = (agreement < 0.5) & (reading > 0)

    n = group.n_rotations
    invariant = (reading == n) & (n > 1)
    strongest_harmonic = 1 + harmonics[:, 1:].argmax(axis=1) if n > 1 else np.zeros(len(blocks), dtype=np.int64)
    return BlockSymmetry(
        norms=block_norms(blocks),
        profiles=profiles,
        similarity=similarity[:, 0],
        harmonics=harmonics,
        rotational_orders=np.where(invariant, 0, strongest_harmonic),
        invariance=profiles.mean(axis=1),
        mirror=mirror,
        mirror_elements=mirror_elements,
        stabilisers=stabilisers,
        rotation_symmetry=np.where(undecided, 0, reading),
        confidence=np.where(undecided, 1 - agreement, agreement),
    )


def _views(blocks: np.ndarray, group: Transformations) -> tuple[np.ndarray, np.ndarray]:
    """Return <d^h, d^hg> and ‖d^h‖ ‖d^hg‖, both [features, h, g]; h is the reference block.

    Both are 0 where hg is outside the range of scales.
    """
    gram = blocks @ blocks.transpose(0, 2, 1)
    norms = np.sqrt(np.diagonal(gram, axis1=1, axis2=2))
    products = gram[:, group.elements[:, None], group.cayley]
    weights = norms[:, :, None] * norms[:, group.cayley]
    outside = group.cayley < 0
    if outside.any():
        products[:, outside], weights[:, outside] = 0, 0
    return products, weights


def _weighted_similarity(products: np.ndarray, weights: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return s(g), [features, samples, |G|], with each reference block counted `counts` [samples, |G|] times."""
    counts = counts.astype(np.float64)
    similarity = _ratio(counts @ products, counts @ weights).clip(-1, 1)
    similarity[..., 0] = 1.0
    return similarity


def _relative_to_ceiling(
    similarity: np.ndarray, nearest: np.ndarray, group: Transformations
) -> tuple[np.ndarray, np.ndarray]:
    """Return similarity / ceiling, [features, samples, |G|], and s at the most similar g ≠ e, [features, samples]."""
    cohesion = np.take_along_axis(similarity, nearest[:, None, None], axis=2)
    if not group.is_fine:
        return similarity.copy(), cohesion[..., 0]
    # the lower bound avoids large ratios for features without structure
    return similarity / np.maximum(cohesion, COHESION_FLOOR / 2), cohesion[..., 0]


def _read(
    similarity: np.ndarray, nearest: np.ndarray, group: Transformations, threshold: float, offset: float
) -> np.ndarray:
    """Return k of the largest C_k under which the feature is invariant, [features, samples]; 0 without structure."""
    relative, cohesion = _relative_to_ceiling(similarity, nearest, group)
    return np.where(cohesion < COHESION_FLOOR + offset, 0, rotation_symmetry(relative, group, threshold + offset))


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)


def _frame(dictionary_key: str, **columns) -> pl.DataFrame:
    frame = pl.DataFrame([pl.Series(name, values, dtype=dtype) for name, (values, dtype) in columns.items()])
    return frame.select(pl.lit(dictionary_key, dtype=pl.String).alias("dictionary_id"), pl.all())
