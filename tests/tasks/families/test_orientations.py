"""Families with known members: where they stand, what symmetry they have, and who is missing."""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks.families.distance import orbit_carriers
from tasks.families.orientations import (
    covered_share,
    describe_family,
    evenness,
    missing_between,
    peak_position,
    reach_of,
)
from tasks.symmetry.group import DihedralGroup
from tests.planted import KINDS, planted_blocks

GROUP = DihedralGroup(16)
ORIENTATIONS = st.lists(st.floats(0, 359.9), min_size=1, max_size=12).map(np.array)


def copies(kind: str, elements: list[int], noise: float = 0.0) -> torch.Tensor:
    """A planted feature carried by each of the elements."""
    rng = np.random.default_rng(4)
    [blocks] = planted_blocks(KINDS[kind], GROUP, 1, rng, on_grid=True)
    turned = np.stack([blocks[GROUP.cayley[:, h]] for h in elements])
    return torch.from_numpy((turned + noise * turned.std() * rng.standard_normal(turned.shape)).astype(np.float32))


def described(blocks: torch.Tensor, group: DihedralGroup = GROUP):
    distance, _ = orbit_carriers(blocks, group)
    return describe_family(np.arange(len(blocks)), distance, blocks, group)


@pytest.mark.parametrize(
    ("kind", "type_", "stabiliser", "period"),
    [("curve", "period-360", "D_1", 360), ("line", "period-180", "D_2", 180), ("cross", "period-90", "D_4", 90)],
)
def test_members_stand_where_they_were_put(kind, type_, stabiliser, period):
    turns = [0, 1, 2, 5, 9, 14]
    family = described(copies(kind, turns, noise=0.2))
    assert (family.type, family.stabiliser, family.period_degrees) == (type_, stabiliser, period)
    assert not family.mirrored.any()
    from_prototype = (22.5 * (np.array(turns) - turns[family.prototype])) % period
    off = (family.orientations - from_prototype + period / 2) % period - period / 2
    np.testing.assert_allclose(off, 0, atol=3)
    assert family.orientations[family.prototype] == 0
    assert ((family.orientations >= 0) & (family.orientations < period)).all()
    assert family.similarity.min() > 0.9
    assert family.profile.shape == (16,)
    assert (family.profile_low <= family.profile + 1e-9).all()


def test_only_a_chiral_feature_has_mirrored_members():
    turns = [0, 3, 7, GROUP.n_rotations + 2, GROUP.n_rotations + 5]
    hooks = described(copies("hook", turns, noise=0.1))
    assert hooks.stabiliser == "trivial"
    apart = hooks.mirrored != hooks.mirrored[0]
    np.testing.assert_array_equal(apart, [False, False, False, True, True])
    assert not described(copies("curve", turns, noise=0.1)).mirrored.any()


def test_what_looks_the_same_at_every_angle_has_no_orientation():
    family = described(copies("centre-surround", [0, 4, 8]))
    assert (family.type, family.stabiliser) == ("invariant", "full")
    assert family.orientations is family.period_degrees is family.missing_orientations is family.evenness is None


def test_a_curve_family_with_a_quarter_left_out_is_incomplete_and_a_full_one_is_not():
    full = described(copies("curve", list(range(0, 16, 2)), noise=0.1))
    assert len(full.missing_orientations) == 0
    assert full.covered == 1
    assert full.evenness > 0.98
    three_alike = described(copies("curve", [0, 0, 1, 1], noise=0.1))
    assert len(three_alike.missing_orientations) >= 2
    assert three_alike.covered < 0.75
    assert three_alike.evenness < 0.5


def test_an_sae_family_has_similarity_alone():
    trivial = DihedralGroup(1, reflections=False)
    family = described(torch.randn(4, 1, 9, generator=torch.Generator().manual_seed(0)), trivial)
    assert family.type is family.orientations is family.profile is None
    assert family.similarity[family.prototype] == pytest.approx(1)
    assert not family.mirrored.any()


def test_reflections_alone_tell_who_is_mirrored():
    group = DihedralGroup(1)
    one = torch.randn(1, 2, 9, generator=torch.Generator().manual_seed(0))
    family = described(torch.cat([one, one[:, [1, 0]], one]), group)
    np.testing.assert_array_equal(family.mirrored != family.mirrored[0], [False, True, False])
    assert family.orientations is None


def test_peaks_lie_between_samples():
    angles = np.arange(12) * 2 * np.pi / 12
    curves = np.stack([np.cos(angles - 2 * np.pi * at / 12) for at in (0, 3.3, 11.8)], axis=1)
    np.testing.assert_allclose(peak_position(curves), [0, 3.3, 11.8], atol=0.02)
    np.testing.assert_array_equal(peak_position(np.array([[1.0], [2.0]])), [1])


def test_reach_is_half_way_down_on_both_sides():
    n = 32
    bump = np.cos(np.arange(n) * 2 * np.pi / n)
    assert reach_of(bump) == pytest.approx(n / 4, abs=0.2)
    sharp = np.zeros(n)
    sharp[[0, 1, -1]] = 1, 0.8, 0.8
    assert reach_of(sharp) == pytest.approx(1.5)
    assert reach_of(np.ones(n)) == n - 1


@settings(deadline=None)
@given(ORIENTATIONS, st.floats(3, 80))
def test_the_missing_members_complete_the_circle_and_none_is_superfluous(orientations, reach):
    missing = missing_between(orientations, reach, 360)
    everyone = np.concatenate([orientations, missing])
    assert covered_share(everyone, reach, 360) == pytest.approx(1)
    assert ((missing >= 0) & (missing < 360)).all()
    for left_out in range(len(missing)):
        assert covered_share(np.delete(everyone, len(orientations) + left_out), reach, 360) < 1 + 1e-9
    assert (len(missing) == 0) == (covered_share(orientations, reach, 360) > 1 - 1e-6)


@given(ORIENTATIONS, st.floats(0, 360))
@example(np.array([152.35389012, 152.35389012]), 0.0)
@example(np.array([0.0, 1.0, 5e-324]), 1.0)
def test_evenness_is_a_share_and_turns_with_the_circle(orientations, turn):
    value = evenness(orientations, 360)
    assert 0 <= value <= 1 + 1e-9
    assert evenness(orientations + turn, 360) == pytest.approx(value, abs=1e-6)


def test_evenness_is_1_for_equal_gaps_and_0_for_one_place():
    assert evenness(np.arange(0, 180, 30.0), 180) == pytest.approx(1)
    assert evenness(np.array([40.0, 40.0, 40.0]), 180) == 0
