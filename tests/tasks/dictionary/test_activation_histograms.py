"""Histograms and examples by quantile, against NumPy on all activations at once."""

import numpy as np
import pytest
import torch

from tasks.dictionary.activation_histograms import (
    BINS_PER_OCTAVE,
    LEAST_BIN,
    MOST_BIN,
    QUANTILES,
    ActivationHistograms,
    bins_of,
    shuffled,
)

ROWS, FEATURES, ELEMENTS = 4000, 5, 3


@pytest.fixture(scope="module")
def activations_nem() -> np.ndarray:
    """Sparse activations of rows under each element; the last feature is dead, and one is a constant where it fires."""
    rng = np.random.default_rng(1)
    activations_nem = rng.lognormal(0, 1, (ROWS, ELEMENTS, FEATURES)).astype(np.float32)
    activations_nem[rng.random(activations_nem.shape) < 0.7] = 0
    activations_nem[:, :, 3] = np.where(activations_nem[:, :, 3] > 0, 1.0, 0.0)
    activations_nem[:, :, 4] = 0
    return activations_nem


def histograms_of(activations_nem, rows_at_once, order=1) -> ActivationHistograms:
    histograms = ActivationHistograms(FEATURES, ELEMENTS)
    batches = [range(start, min(start + rows_at_once, ROWS)) for start in range(0, ROWS, rows_at_once)][::order]
    for rows in batches:
        for element in range(ELEMENTS):
            values_bm = torch.from_numpy(activations_nem[rows.start : rows.stop, element])
            place, feature = torch.nonzero(values_bm, as_tuple=True)
            histograms.add(feature, values_bm[place, feature], place.numpy() + rows.start, element)
    return histograms


def test_bins_are_four_an_octave_and_contain_their_lower_end():
    assert BINS_PER_OCTAVE == 4
    values = np.array([1.0, 1.18, 1.19, 2.0, 0.999, 2.0**-30, 2.0**-16, 2.0**15.8, 2.0**30], dtype=np.float32)
    assert (bins_of(values) + LEAST_BIN).tolist() == [0, 0, 1, 4, -1, -64, -64, 63, 63]


def test_a_histogram_is_that_of_numpy(activations_nem):
    table = histograms_of(activations_nem, 700).histogram()
    edges = 2.0 ** (np.arange(LEAST_BIN, MOST_BIN + 2) / 4)
    for feature in range(FEATURES):
        values = activations_nem[:, :, feature]
        expected, _ = np.histogram(values[values > 0].astype(np.float64), edges)
        found = table.filter(feature=feature)
        assert dict(found.select("bin", "rows").iter_rows()) == {
            place + LEAST_BIN: count for place, count in enumerate(expected) if count
        }
        np.testing.assert_allclose(found["lower"], edges[found["bin"].to_numpy() - LEAST_BIN])
        np.testing.assert_allclose(found["upper"], edges[found["bin"].to_numpy() - LEAST_BIN + 1])
    assert table["rows"].sum() == np.count_nonzero(activations_nem)


def test_an_example_is_a_row_near_its_quantile(activations_nem):
    table = histograms_of(activations_nem, 700).quantile_examples()
    assert set(table["feature"]) == {0, 1, 2, 3}
    for row in table.rows(named=True):
        assert row["activation"] == activations_nem[row["row"], row["element"], row["feature"]]
        values = activations_nem[:, :, row["feature"]]
        exact = np.quantile(values[values > 0], row["quantile"], method="inverted_cdf")
        assert bins_of(np.array([row["activation"]])) == bins_of(np.array([exact]))
    for feature in (0, 1, 2):  # wide enough for each quantile to have a bin of its own
        assert table.filter(feature=feature)["quantile"].to_list() == list(QUANTILES)
    assert table.filter(feature=3)["quantile"].to_list() == [QUANTILES[0]]


def test_examples_and_histogram_do_not_depend_on_the_batches(activations_nem):
    whole = histograms_of(activations_nem, ROWS)
    for rows_at_once, order in ((1, 1), (333, -1)):
        parts = histograms_of(activations_nem, rows_at_once, order)
        assert parts.histogram().equals(whole.histogram())
        assert parts.quantile_examples().equals(whole.quantile_examples())


def test_the_order_is_one_of_all_rows():
    order_n = shuffled(np.arange(100_000))
    assert len(np.unique(order_n)) == len(order_n)
    # as in a random order, the first of a hundred is as likely at any place, and neighbours are independent
    firsts = order_n.reshape(1000, 100).argmin(1)
    assert firsts.mean() == pytest.approx(49.5, abs=4)
    assert abs(np.corrcoef(order_n[1:].astype(float), order_n[:-1].astype(float))[0, 1]) < 0.02
