"""`sql/schema/04_symmetry.sql`: the profiles of the crosscoder's live features, drawn from their planted symmetry."""

import numpy as np

from tests.sample_tables.planted import (
    CROSSCODER,
    FOLDS,
    GROUP_ORDER,
    LIVE,
    N_ROTATIONS,
    planted_orientation,
    planted_type,
)
from tests.sample_tables.rows import Row, Tables, row, rows, together

TURNS = 2 * np.pi * np.arange(N_ROTATIONS) / N_ROTATIONS


def symmetry_rows(random: np.random.Generator) -> Tables:
    return together(_one_feature(feature, _profile(feature, random)) for feature in LIVE)


def degrees(element: int) -> float:
    """Angle of an element's rotation; the elements are the rotations r^k, then the reflections r^k s."""
    return 360.0 / N_ROTATIONS * (element % N_ROTATIONS)


def planted_cosine(angles: np.ndarray) -> np.ndarray:
    """Cosine to the identity block at an angle from the next direction in which the feature looks the same, radians."""
    return -0.1 + 1.1 * np.exp(3 * (np.cos(angles) - 1))


def _profile(feature: int, random: np.random.Generator) -> np.ndarray:
    """[|G|] cosines to the identity block."""
    fold = FOLDS[planted_type(feature)]
    if fold is None:
        profile = random.uniform(-0.3, 0.7, GROUP_ORDER)
    else:
        # the left-right mirror takes direction p to 180 - p, and r^k turns that by k steps
        mirrored = TURNS + np.pi - 2 * np.deg2rad(planted_orientation(feature))
        profile = planted_cosine(fold * np.concatenate([TURNS, mirrored]))
    profile[0] = 1.0
    return profile


def _one_feature(feature: int, profile: np.ndarray) -> Tables:
    key = {"dictionary_id": CROSSCODER, "feature": feature}
    energies = _energies(profile)
    blocks = rows(
        "transform_blocks",
        **key,
        element=range(GROUP_ORDER),
        rotation_degrees=[degrees(element) for element in range(GROUP_ORDER)],
        mirrored=[element >= N_ROTATIONS for element in range(GROUP_ORDER)],
        norm=1 + 0.1 * np.cos(2 * np.pi * np.arange(GROUP_ORDER) / N_ROTATIONS + feature),
        cosine_to_identity=profile,
    )
    return {
        "transform_blocks": blocks,
        "feature_harmonics": rows("feature_harmonics", **key, harmonic=range(len(energies)), energy=energies),
        "feature_symmetry": [_symmetry(feature, profile, energies) | key],
    }


def _energies(profile: np.ndarray) -> np.ndarray:
    """Share of each harmonic of the profile over the rotations."""
    energies = np.abs(np.fft.rfft(profile[:N_ROTATIONS])) ** 2
    energies[1:-1] *= 2  # a real signal's negative frequencies carry the same again
    return energies / energies.sum()


def _symmetry(feature: int, profile: np.ndarray, energies: np.ndarray) -> Row:
    kind = planted_type(feature)
    fold = FOLDS[kind]
    mirror_element = N_ROTATIONS + int(np.argmax(profile[N_ROTATIONS:]))
    mirror = float(profile[mirror_element])
    stabiliser, stabiliser_order = _stabiliser(fold, mirror)
    return row(
        "feature_symmetry",
        type=kind,
        period_degrees=360.0 / fold if fold else None,
        confidence=0.4 if fold is None else 0.8 + 0.005 * (feature % 30),
        rotational_order=0 if fold == 0 else fold or 1 + int(np.argmax(energies[1:])),
        invariance=float(profile.mean()),
        **{"mirror": mirror, "mirror_element": mirror_element},
        **{"stabiliser": stabiliser, "stabiliser_order": stabiliser_order},
        mirror_axes_degrees=_axes(stabiliser, stabiliser_order // 2, mirror_element),
    )


def _axes(stabiliser: str, axes: int, mirror_element: int) -> list[float]:
    """The mirror axes of D_k or of the whole group; the reflection r^a s has its axis at 90 + a/2 degrees."""
    if not stabiliser.startswith(("D", "full")):
        return []
    first = 90 + degrees(mirror_element) / 2
    return sorted((first + 180 / axes * number) % 180 for number in range(axes))


def _stabiliser(fold: int | None, mirror: float) -> tuple[str, int]:
    if fold == 0:
        return "full", GROUP_ORDER
    if fold is None:
        return "trivial", 1
    if mirror > 0.95:
        return f"D_{fold}", 2 * fold
    return ("trivial", 1) if fold == 1 else (f"C_{fold}", fold)
