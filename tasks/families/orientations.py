"""Describe a family: its prototype, its symmetry, its members' orientations, and the missing orientations [ours].

The members' blocks are carried back to the prototype and averaged, which reduces their noise. The family's symmetry is
determined from this mean in the same way as a feature's. Orientations are modulo the period of that symmetry.
"""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from tasks.families.distance import OrbitSpectra
from tasks.symmetry.blocks import analyse_blocks, block_profiles, stabiliser_name, type_name
from tasks.symmetry.group import DihedralGroup

PROFILE_SPREAD = (10, 90)
"""Percentiles over the members: profile_low and profile_high."""


@dataclass(frozen=True)
class Family:
    """A family of s features.

    members: [s], places of the features among the live ones
    prototype: the member with the smallest sum of distances to the others
    elements: [s], index of the element that carries the prototype to the member
    mirrored: [s], whether that element is a reflection
    similarity: [s], cosine to the prototype under that element
    strength: [s], result of `strengths`

    The following are None in the trivial group:
    type, stabiliser: names, as in tasks/symmetry/blocks.py
    profile, profile_low, profile_high: [n], mean and percentiles of the members' profiles over the rotations

    The following are None also if the family has no orientation:
    period_degrees: period of the family's symmetry
    orientations: [s], in degrees within the period, counter-clockwise from the prototype
    reach_degrees: result of `reach_of` for the mean of the members
    evenness, covered: results of `evenness` and `covered_share`
    missing_orientations: result of `missing_between`, in degrees
    """

    members: np.ndarray
    prototype: int
    elements: np.ndarray
    mirrored: np.ndarray
    similarity: np.ndarray
    strength: np.ndarray
    type: str | None = None
    stabiliser: str | None = None
    profile: np.ndarray | None = None
    profile_low: np.ndarray | None = None
    profile_high: np.ndarray | None = None
    period_degrees: float | None = None
    orientations: np.ndarray | None = None
    reach_degrees: float | None = None
    evenness: float | None = None
    covered: float | None = None
    missing_orientations: np.ndarray | None = None


def describe_family(
    members: np.ndarray, distance_ss: np.ndarray, blocks_of_members: Tensor, group: DihedralGroup
) -> Family:
    """Describe one family of s members by their distances [s, s] and blocks [s, |G|, d]."""
    place = int(distance_ss.sum(1).argmin())
    prototype, strength = int(members[place]), strengths(distance_ss)
    spectra = OrbitSpectra(blocks_of_members, group)
    similarity_gs = spectra.similarity(slice(place, place + 1), slice(None))[:, 0].numpy()
    elements = similarity_gs.argmax(0)
    elements[place] = 0
    if group.order == 1:
        return Family(members, prototype, elements, group.is_reflection(elements), similarity_gs[0], strength)

    blocks_sgd = blocks_of_members.numpy()
    symmetry = analyse_blocks(_mean_of_copies(blocks_sgd, elements, group), group)
    k = int(symmetry.rotation_symmetry[0])
    stabiliser = symmetry.stabilisers[0]
    if stabiliser[group.n_rotations :].any():
        # a mirror-symmetric prototype: each reflection has the same effect as a rotation, so report rotations only
        elements = similarity_gs[: group.n_rotations].argmax(0)
        elements[place] = 0
    profiles_sn = block_profiles(blocks_sgd)[:, : group.n_rotations]
    low, high = np.percentile(profiles_sn, PROFILE_SPREAD, axis=0)
    family = Family(
        members, prototype, elements, group.is_reflection(elements),
        similarity_gs[elements, np.arange(len(members))].clip(-1, 1),
        strength,
        type=type_name(k, group), stabiliser=stabiliser_name(stabiliser, group),
        profile=profiles_sn.mean(0), profile_low=low, profile_high=high,
    )  # fmt: skip
    steps = group.n_rotations // k if k else 0  # rotation steps per period
    return family if steps < 2 else _with_orientations(family, similarity_gs, symmetry.similarity[0], steps, group)


def strengths(distance_ss: np.ndarray) -> np.ndarray:
    """Return the mean similarity of each member of a family to the others, at least 0, [s]."""
    to_others_s = distance_ss.sum(1, dtype=np.float64) / (len(distance_ss) - 1)
    return np.clip(1 - to_others_s, 0, 1)


def _mean_of_copies(blocks_sgd: np.ndarray, elements_s: np.ndarray, group: DihedralGroup) -> np.ndarray:
    """Return the mean [1, |G|, d] of the members' normalised blocks, each carried back to the prototype.

    elements_s: the elements that carry the prototype to the members.
    """
    back_sg = group.cayley[:, group.inverses[elements_s]].T
    norms_s = np.linalg.norm(blocks_sgd, axis=(1, 2)).clip(1e-12)
    carried_back_sgd = blocks_sgd[np.arange(len(blocks_sgd))[:, None], back_sg] / norms_s[:, None, None]
    return carried_back_sgd.mean(0, keepdims=True)


def _with_orientations(
    family: Family, similarity_gs: np.ndarray, mean_similarity_g: np.ndarray, steps: int, group: DihedralGroup
) -> Family:
    """Return the family with its orientations and everything derived from them.

    similarity_gs: of the prototype to each member under each element
    mean_similarity_g: of the members' mean to itself under each element
    steps: rotation steps per period
    """
    period, size = 360 * steps / group.n_rotations, len(family.members)
    halves_hps = similarity_gs.reshape(-1, group.n_rotations // steps, steps, size).mean(1)
    member_similarity_ns = halves_hps[family.mirrored.astype(int), :, np.arange(size)].T
    orientations = within(peak_position(member_similarity_ns) * period / steps, period)
    orientations[family.members == family.prototype] = 0.0
    mean_similarity_n = mean_similarity_g[: group.n_rotations].reshape(-1, steps).mean(0)
    reach = reach_of(mean_similarity_n) * period / steps
    missing = missing_between(orientations, reach, period)
    return Family(
        **vars(family)
        | {
            "period_degrees": period,
            "orientations": orientations,
            "reach_degrees": reach,
            "evenness": evenness(orientations, period),
            "covered": covered_share(orientations, reach, period),
            "missing_orientations": missing,
        }
    )


def peak_position(curves_ns: np.ndarray) -> np.ndarray:
    """Return the peak positions [s], in [0, n), of circular curves [n, s], interpolated between samples.

    The peak is the vertex of the parabola through the largest sample and its two neighbours, or the largest sample
    itself if n < 3.
    """
    n, columns = len(curves_ns), np.arange(curves_ns.shape[1])
    top = curves_ns.argmax(0)
    if n < 3:
        return top.astype(np.float64)
    before, at, after = (curves_ns[(top + step) % n, columns] for step in (-1, 0, 1))
    bend = before - 2 * at + after
    offset = np.divide(before - after, 2 * bend, out=np.zeros(len(at)), where=np.abs(bend) > 1e-12)
    return within(top + offset, n)


def within(places: np.ndarray, period: float) -> np.ndarray:
    """Return places modulo the period, in [0, period)."""
    # twice: in floating point, a tiny negative number % period is the period itself
    return places % period % period


def reach_of(curve_n: np.ndarray) -> float:
    """Return the distance from 0, in steps, at which a circular similarity [n] falls half way from ceiling to floor.

    The ceiling is the largest value apart from that at 0, which is 1 by definition; the floor is the smallest value.
    The result is the mean over both sides, and at least half a step.
    """
    n = len(curve_n)
    level = (curve_n[1:].max() + curve_n.min()) / 2
    sides = []
    for side in (curve_n, np.roll(curve_n[::-1], 1)):
        below = np.flatnonzero(side < level)
        first = int(below[0]) if len(below) else n
        above = max(side[first - 1], level) if first < n else level
        sides.append(first - 1 + (above - level) / max(above - side[first % n], 1e-12))
    return max(0.5, float(np.mean(sides)))


def _gaps(orientations: np.ndarray, period: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the orientations sorted, and the gap after each; the gaps add up to the period."""
    ordered = np.sort(within(orientations, period))
    return ordered, np.diff(ordered, append=ordered[0] + period)


def evenness(orientations: np.ndarray, period: float) -> float:
    """Return how evenly members fill the period, 0 … 1: the entropy of their gaps divided by that of equal gaps."""
    _, gaps = _gaps(orientations, period)
    shares = gaps / period
    shares = shares[shares > 0]
    if len(gaps) < 2:
        return 0.0
    # a gap of the whole period can come out a rounding error longer
    return max(0.0, float(-(shares * np.log(shares)).sum() / np.log(len(gaps))))


def covered_share(orientations: np.ndarray, reach: float, period: float) -> float:
    """Return the share of the period that is within reach of at least one member."""
    _, gaps = _gaps(orientations, period)
    return float(np.minimum(gaps, 2 * reach).sum() / period)


def missing_between(orientations: np.ndarray, reach: float, period: float) -> np.ndarray:
    """Return the fewest further orientations, evenly spread in each gap, that bring the whole period within reach."""
    ordered, gaps = _gaps(orientations, period)
    missing = np.maximum(np.ceil(gaps / (2 * reach) - 1e-9).astype(int) - 1, 0)
    places = [
        start + gap * np.arange(1, count + 1) / (count + 1)
        for start, gap, count in zip(ordered, gaps, missing, strict=True)
    ]
    return np.sort(within(np.concatenate(places), period))
