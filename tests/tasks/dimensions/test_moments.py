"""Moments of rows that stream by, against the same of rows that are kept."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression

from tasks.dimensions.moments import Moments, greedy_order, principal_axes


def rows(seed: int, count: int = 60, columns: int = 5) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (random.normal(size=(count, columns)) @ random.normal(size=(columns, columns)) + 100).astype(np.float32)


@given(st.integers(0, 2**31), st.lists(st.integers(1, 59), max_size=5))
@settings(max_examples=30, deadline=None)
def test_batches_of_any_size_give_the_moments_of_all_rows(seed, cuts):
    kept = rows(seed)
    moments = Moments.of(np.split(kept, sorted(set(cuts))))
    np.testing.assert_allclose(moments.mean_d, kept.mean(0, dtype=np.float64), rtol=1e-6)
    exact = np.cov(kept.T.astype(np.float64), bias=True)
    np.testing.assert_allclose(moments.covariance_dd, exact, rtol=1e-3, atol=1e-3 * np.abs(exact).max())


def test_products_about_another_centre():
    kept, centre = rows(1), np.arange(5.0)
    expected = (kept - centre).T @ (kept - centre) / len(kept)
    np.testing.assert_allclose(Moments.of([kept[:20], kept[20:]]).about(centre), expected, rtol=1e-5)


def test_no_row_is_an_error():
    with pytest.raises(ValueError, match="no row"):
        Moments.of([])


def test_principal_axes_are_those_of_scikit_learn():
    kept = rows(2)
    axes, variances = principal_axes(Moments.of([kept]).covariance_dd, 3)
    reference = PCA(3).fit(kept.astype(np.float64))
    np.testing.assert_allclose(np.abs((axes * reference.components_.T).sum(0)), 1, atol=1e-5)
    np.testing.assert_allclose(variances, reference.explained_variance_ * (len(kept) - 1) / len(kept), rtol=1e-4)


def test_the_greedy_order_adds_most_at_each_step():
    kept = rows(3, columns=6).astype(np.float64)
    scores, units = kept[:, :4], kept
    joint = Moments.of([np.concatenate([scores, units], axis=1)]).covariance_dd
    order = greedy_order(joint[:4, :4], joint[:4, 4:], 4)

    def unexplained(chosen: list[int]) -> float:
        fitted = LinearRegression().fit(scores[:, chosen], units)
        return ((units - fitted.predict(scores[:, chosen])) ** 2).sum()

    for step in range(4):
        rest = [score for score in range(4) if score not in order[:step]]
        best = min(rest, key=lambda score: unexplained([*order[:step], score]))
        assert order[step] == best


def test_a_score_that_follows_from_others_comes_last():
    kept = rows(4, columns=3).astype(np.float64)
    scores = np.column_stack([kept[:, 0], kept[:, 1], kept[:, 0] + kept[:, 1], np.zeros(len(kept))])
    joint = Moments.of([np.concatenate([scores, kept], axis=1)]).covariance_dd
    order = greedy_order(joint[:4, :4], joint[:4, 4:], 4)
    assert sorted(order) == [0, 1, 2, 3]
    assert order[3] == 3 or joint[order[2], order[2]] > 0
