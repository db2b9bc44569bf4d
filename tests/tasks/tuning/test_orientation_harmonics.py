"""Harmonics of closed curves that are known."""

import numpy as np
import polars
import pytest

from tasks.tuning.orientation_harmonics import harmonic_shares, mean_over_renderings

ANGLES = np.arange(90) * 2 * np.pi / 90


def test_a_circle_is_its_first_harmonic_and_a_double_turn_its_second():
    circle_au = np.stack([np.cos(ANGLES), np.sin(ANGLES)], 1) + 3
    assert harmonic_shares(circle_au)[0] == pytest.approx(1)
    both_au = np.hstack([circle_au, 2 * np.cos(2 * ANGLES)[:, None]])
    np.testing.assert_allclose(harmonic_shares(both_au)[:3], [1 / 3, 2 / 3, 0], atol=1e-12)


@pytest.mark.parametrize("angles", [89, 90])
def test_independent_points_have_the_same_share_in_every_harmonic(angles):
    shares_h = harmonic_shares(np.random.default_rng(0).normal(size=(angles, 2000)))
    assert len(shares_h) == angles // 2
    np.testing.assert_allclose(shares_h[:-1], 2 / (angles - 1), rtol=0.15)
    assert shares_h.sum() == pytest.approx(1)


def test_the_mean_is_over_renderings_of_one_family_in_the_order_of_angles():
    table = polars.DataFrame({"family": ["arc", "line", "arc", "arc"], "angle_degrees": [180.0, 0.0, 0.0, 180.0]})
    responses_nu = np.array([[1.0], [50.0], [7.0], [2.0]])
    assert mean_over_renderings(table, responses_nu).tolist() == [[7.0], [1.5]]
