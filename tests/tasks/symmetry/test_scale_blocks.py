"""The analysis of blocks over scales, on planted features, and of hue, which is that of rotations."""

import numpy as np
import pytest

from tasks.symmetry.blocks import analyse_blocks, mirror_axes, symmetry_tables, type_name
from tasks.symmetry.group import DihedralGroup
from tasks.symmetry.scales import ScaleRange

FINE, COARSE = ScaleRange(1, 4), ScaleRange(2, 1)
CHANNELS = 60


def planted(scales, width, noise=0.0, features=24, seed=0):
    """Blocks whose channels are tuned to scale with a standard deviation of `width` octaves, [features, |G|, channels].

    Each channel prefers a scale of its own; scaling the image shifts what a feature does along these preferences.
    """
    rng = np.random.default_rng(seed)
    preferred_d = np.linspace(-6, 6, CHANNELS)
    centre_m = rng.uniform(-0.5, 0.5, features)
    distance_mgd = centre_m[:, None, None] + scales.octaves_of(scales.elements)[:, None] - preferred_d
    blocks = np.exp(-0.5 * (distance_mgd / width) ** 2)
    blocks /= np.linalg.norm(blocks, axis=2, keepdims=True)
    return (blocks + noise * rng.standard_normal(blocks.shape) / CHANNELS**0.5).astype(np.float32)


def types_of(blocks, scales):
    found = analyse_blocks(blocks, scales)
    return [type_name(k, scales) for k in found.rotation_symmetry], found


@pytest.mark.parametrize("scales", [FINE, COARSE], ids=str)
@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_planted_types_are_found(scales, noise):
    assert set(types_of(planted(scales, 6.0, noise), scales)[0]) == {"invariant"}
    names, found = types_of(planted(scales, 0.6 if scales == FINE else 1.0, noise), scales)
    assert set(names) == {"tuned"}
    assert found.confidence.min() > 0.6


def test_blocks_without_anything_in_common_are_mixed():
    blocks = np.random.default_rng(0).standard_normal((20, FINE.order, 400)).astype(np.float32)
    assert set(types_of(blocks, FINE)[0]) == {"mixed"}


def test_similarity_is_the_plain_sum_over_the_pairs_inside_the_range():
    blocks = planted(FINE, 0.7, 0.3, features=3).astype(np.float64)
    found = analyse_blocks(blocks.astype(np.float32), FINE)
    for m, feature in enumerate(blocks):
        by_step = dict(zip(range(-FINE.steps, FINE.steps + 1), feature[FINE.ascending], strict=True))
        for g in FINE.elements:
            step = round(float(FINE.octaves_of(g)) * FINE.scales_per_octave)
            pairs = [(by_step[h], by_step[h + step]) for h in by_step if h + step in by_step]
            expected = sum(a @ b for a, b in pairs) / sum(np.linalg.norm(a) * np.linalg.norm(b) for a, b in pairs)
            assert found.similarity[m, g] == pytest.approx(expected, abs=1e-6)
            assert found.similarity[m, g] == pytest.approx(found.similarity[m, FINE.cayley[0, -g % FINE.order]])


def test_tables_of_scales_have_octaves_and_a_preferred_scale_and_nothing_of_a_group():
    blocks = planted(FINE, 0.7, features=5)
    loudest = np.array([0, 3, 8, 4, 5])
    blocks[np.arange(5), loudest] *= 3
    live = np.array([True, True, False, True, True])
    tables = symmetry_tables("key", blocks, FINE, live)
    assert set(tables) == {"transform_blocks", "feature_symmetry"}
    of_first = tables["transform_blocks"].filter(feature=0).sort("octaves")
    np.testing.assert_allclose(of_first["octaves"], np.arange(-4, 5) / 4)
    assert of_first["element"].to_list() == FINE.ascending.tolist()
    assert not of_first["mirrored"].any()
    symmetry = tables["feature_symmetry"]
    np.testing.assert_allclose(symmetry["preferred_octaves"], FINE.octaves_of(loudest[live]))
    for column in ("stabiliser", "stabiliser_order", "rotational_order", "mirror", "mirror_axes_degrees"):
        assert symmetry[column].null_count() == 4


def test_rotations_have_no_octaves():
    blocks = np.random.default_rng(0).standard_normal((3, 8, 5)).astype(np.float32)
    tables = symmetry_tables("key", blocks, DihedralGroup(4), np.ones(3, bool))
    assert tables["transform_blocks"]["octaves"].null_count() == 24
    assert tables["feature_symmetry"]["preferred_octaves"].null_count() == 3


def test_hue_is_analysed_as_rotations_are():
    blocks = np.random.default_rng(0).standard_normal((30, 16, 7)).astype(np.float32)
    blocks += np.roll(blocks, 4, axis=1) + np.roll(blocks, 8, axis=1)
    of_hue, of_rotations = (
        analyse_blocks(blocks, DihedralGroup(8, transformations=kind)) for kind in ("hue", "rotations")
    )
    for name, values in vars(of_hue).items():
        np.testing.assert_array_equal(values, vars(of_rotations)[name])


def test_mirror_axes_of_hue_are_the_colours_that_the_reflections_keep():
    group = DihedralGroup(6, transformations="hue")
    for element in range(6, 12):
        [axis] = mirror_axes(np.isin(group.elements, [0, element]), group)
        angle = np.radians(axis - 120 * np.arange(3))
        np.testing.assert_allclose(group.colour_matrix(element) @ np.cos(angle), np.cos(angle), atol=1e-12)
