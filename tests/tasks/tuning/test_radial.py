"""Radial tuning: known curves give known answers, and turning a curve turns its answers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import i0, i1

from tasks.tuning.radial import (
    Arc,
    aligned,
    angular_distance,
    at,
    covered,
    gaps,
    tuning,
    uncovered_arcs,
)


def von_mises(mean_degrees, kappa, n=90, echo=0.0):
    """[n] a bump of height 1 at a direction, and one of height `echo` opposite."""
    theta = np.radians(360 * np.arange(n) / n - mean_degrees)
    return np.exp(kappa * (np.cos(theta) - 1)) + echo * np.exp(kappa * (-np.cos(theta) - 1))


@given(st.floats(0, 359.99), st.floats(1, 12), st.sampled_from([36, 45, 72, 90, 97, 360]))
def test_a_von_mises_curve_gives_its_own_peak_width_and_concentration(mean, kappa, n):
    found = tuning(von_mises(mean, kappa, n)[None])
    step = 360 / n
    assert angular_distance(found.peak[0], mean) < 0.03 * step
    # half of exp(kappa (cos x - 1)) is at cos x = 1 - ln 2 / kappa, where it gets there
    half = 1 - np.log(2) / kappa
    width = 2 * np.degrees(np.arccos(half)) if half > -1 else 360
    assert found.width[0] == pytest.approx(width, abs=0.35 * step)
    assert found.concentration[0] == pytest.approx(i1(kappa) / i0(kappa), abs=1e-6)


def test_a_flat_curve_is_as_wide_as_the_circle():
    found = tuning(np.full((1, 40), 3.0))
    assert (found.width[0], found.echo[0]) == (360, 1)
    assert found.concentration[0] == pytest.approx(0, abs=1e-12)


@given(st.floats(0, 1), st.integers(36, 120))
def test_the_echo_is_what_answers_opposite_of_the_peak(echo, n):
    found = tuning(von_mises(10 * 360 / n, 8, n, echo)[None])
    opposite = von_mises(180, 8, 2 * n, echo)[0] if n % 2 else None
    expected = (echo + np.exp(-16)) / (1 + echo * np.exp(-16))
    assert found.echo[0] == pytest.approx(expected, abs=1e-6 if opposite is None else 0.06)


def test_a_single_sample_that_answers():
    found = tuning(np.eye(36)[[4]])
    assert (found.peak[0], found.width[0], found.echo[0]) == (40, 10, 0)
    assert found.concentration[0] == pytest.approx(1)


def test_two_equal_largest_samples_peak_between_them():
    curve = np.array([0, 0, 1, 1, 0, 0] + [0] * 30)[None]
    assert tuning(curve).peak[0] == 25
    assert tuning(np.roll(curve, -3)).peak[0] == 355


def test_what_does_not_respond_has_no_peak():
    curves = np.stack([np.zeros(36), -von_mises(50, 3, 36), von_mises(50, 3, 36)])
    found = tuning(curves)
    for values in (found.peak, found.width, found.echo, found.concentration):
        assert np.isnan(values).tolist() == [True, True, False]
    assert not covered(curves[:2], 0.5).any()
    assert [gap.arc.width for gap in gaps(found.peak)] == [360]


def test_negative_responses_count_as_none_in_the_concentration_and_are_seen_in_the_echo():
    curve = von_mises(90, 4) - 0.2
    found = tuning(curve[None])
    assert found.echo[0] == pytest.approx(-0.2 / 0.8, abs=0.001)
    assert found.concentration[0] == pytest.approx(tuning(curve.clip(min=0)[None]).concentration[0])
    assert 0 < found.concentration[0] <= 1


curves = st.lists(st.floats(0, 10, width=32), min_size=36, max_size=60).map(lambda values: np.array(values)[None])


@given(curves, st.integers(0, 200))
def test_turning_a_curve_turns_its_peak_and_leaves_the_rest(curve, shift):
    n = curve.shape[1]
    # of several largest samples the first would change with the turn
    curve = curve + np.linspace(0, 1e-3, n)[None] * (np.arange(n) == curve.argmax())
    before, after = tuning(curve), tuning(np.roll(curve, shift))
    if (curve == curve.max()).sum() > 1 or np.isnan(before.peak[0]):
        return
    assert angular_distance(after.peak[0], before.peak[0] + 360 * shift / n) < 1e-6
    assert after.width[0] == pytest.approx(before.width[0], abs=1e-6)
    assert after.echo[0] == pytest.approx(before.echo[0], abs=1e-6)
    assert after.concentration[0] == pytest.approx(before.concentration[0], abs=1e-9)


@given(curves, st.integers(0, 200), st.floats(0.05, 1))
def test_coverage_turns_with_the_curves_and_its_arcs_are_the_rest_of_the_circle(curve, shift, threshold):
    n = curve.shape[1]
    both = np.concatenate([curve, np.roll(curve, 7)])
    of_both = covered(both, threshold)
    np.testing.assert_array_equal(covered(np.roll(both, shift, axis=1), threshold), np.roll(of_both, shift))
    arcs = uncovered_arcs(of_both)
    assert sum(arc.width for arc in arcs) == pytest.approx(360 * (1 - of_both.mean()))
    for arc in arcs:
        if arc.width < 360:
            assert (arc.end - arc.start) % 360 == pytest.approx(arc.width % 360)
    degrees = 360 * np.arange(n) / n
    inside = [any((degree - arc.start) % 360 < arc.width for arc in arcs) for degree in degrees]
    np.testing.assert_array_equal(inside, ~of_both)


def test_two_curves_cover_what_they_are_known_to():
    # half maximum of exp(kappa (cos x - 1)) at 30 degrees: each covers 60 of the circle, ends included
    kappa = np.log(2) / (1 - np.cos(np.radians(30.5)))
    both = np.stack([von_mises(0, kappa, 360), 5 * von_mises(90, kappa, 360)])
    assert covered(both, 0.5).sum() == 2 * 61
    assert uncovered_arcs(covered(both, 0.5)) == [Arc(30.5, 59.5, 29.0), Arc(120.5, 329.5, 209.0)]
    assert covered(both, 1.0).sum() == 2
    assert uncovered_arcs(covered(both[:0], 0.5)) == [Arc(0.0, 0.0, 360.0)]
    assert uncovered_arcs(np.ones(36, bool)) == []


def test_gaps_run_from_peak_to_peak_around_the_circle():
    found = gaps(np.array([350.0, np.nan, 10.0, 200.0]))
    assert [(gap.after, gap.before) for gap in found] == [(2, 3), (3, 0), (0, 2)]
    assert [gap.arc for gap in found] == [Arc(10, 200, 190), Arc(200, 350, 150), Arc(350, 10, 20)]
    assert gaps(np.array([])) == []
    assert [gap.arc for gap in gaps(np.array([30.0]))] == [Arc(30, 30, 360)]
    assert [gap.arc.width for gap in gaps(np.array([30.0, 30.0]))] == [0, 360]


@given(st.lists(st.floats(0, 359.9), min_size=1, max_size=30))
def test_gaps_close_the_circle(peaks):
    assert sum(gap.arc.width for gap in gaps(np.array(peaks))) == pytest.approx(360)


@given(st.floats(0, 360), st.floats(0, 360))
def test_alignment_brings_an_orientation_to_the_front(mean, other):
    curve = von_mises(mean, 3, 72)[None]
    np.testing.assert_allclose(aligned(curve, [other], 72)[0, 0], at(curve, [other]))
    assert aligned(curve, [mean], 72)[0].argmax() == 0
    np.testing.assert_allclose(aligned(curve, [40.0], 72)[0], np.roll(curve[0], -8))
    np.testing.assert_allclose(aligned(curve, [0.0], 36)[0], curve[0, ::2])
