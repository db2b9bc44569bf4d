"""Identification: planted scores are recognised, chance is told from it, each parameter gets a dimension of its own."""

from itertools import permutations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression

from tasks.dimensions.identify import PARAMETERS, StimulusResponses, assign, follow, stimulus_responses
from tasks.vision.gratings import gratings
from tasks.vision.stimuli import stimuli

ORIENTATION, DIRECTION = 30.0, 250.0


@pytest.fixture(scope="module")
def followed() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores and curves of planted dimensions: orientation, frequency, direction, phase at one orientation, noise."""
    bars, drawn = gratings(33).table, stimuli(33).table.filter(family="arc")
    random = np.random.default_rng(0)

    def turn(values: pl.Series, centre: float, period: float) -> np.ndarray:
        return np.cos(2 * np.pi * (values.to_numpy() - centre) / period)

    nothing = np.zeros(len(drawn))
    of_bars = np.stack(
        [
            turn(bars["orientation"], ORIENTATION, 180),
            -np.log2(bars["frequency"].to_numpy()),
            np.zeros(len(bars)),
            turn(bars["phase"], 90, 360) * (bars["orientation"].to_numpy() == 0),
            random.normal(size=len(bars)),
        ],
        axis=1,
    )
    to_centre, noise = turn(drawn["angle_degrees"], DIRECTION, 360), random.normal(size=len(drawn))
    of_arcs = np.stack([nothing, nothing, to_centre, nothing, noise], axis=1)
    shown = {
        "gratings": StimulusResponses("gratings", bars, of_bars),
        "arcs": StimulusResponses("arcs", drawn, of_arcs),
    }
    return follow(shown, lambda responses: responses, permutations=199, seed=0)


def cell(rows: pl.DataFrame, dimension: int, parameter: str) -> dict:
    return rows.row(by_predicate=(pl.col("dimension") == dimension) & (pl.col("parameter") == parameter), named=True)


def test_planted_parameters_are_recognised(followed):
    scores, _ = followed
    assert len(scores) == 5 * len(PARAMETERS)
    for dimension, parameter in ((0, "orientation"), (1, "frequency"), (2, "direction")):
        found = cell(scores, dimension, parameter)
        assert found["r_squared"] == pytest.approx(1)
        assert found["p_value"] == 1 / 200
        assert found["assigned"]
    assert cell(scores, 0, "orientation")["preferred"] == pytest.approx(ORIENTATION)
    assert cell(scores, 2, "direction")["preferred"] == pytest.approx(DIRECTION)
    assert cell(scores, 1, "frequency")["preferred"] is None
    assert cell(scores, 0, "frequency")["r_squared"] < 1e-9


def test_tuning_to_one_orientation_and_phase_is_no_dimension(followed):
    assert cell(followed[0], 3, "phase")["r_squared"] == pytest.approx(1 / 12)


def test_luck_is_told_from_it(followed):
    scores, _ = followed
    noise = scores.filter(dimension=4)
    assert (noise["r_squared"] < 0.02).all()
    assert noise["p_value"].min() > 0.01
    assert scores["null_r_squared"].max() < 0.02


def test_r_squared_is_that_of_a_regression(followed):
    bars = gratings(33).table
    score = bars["orientation"].to_numpy() ** 0.5
    shown = {
        "gratings": StimulusResponses("gratings", bars, score[:, None]),
        "arcs": StimulusResponses("arcs", *_silent()),
    }
    scores, _ = follow(shown, lambda responses: responses, permutations=99, seed=0)
    angle = np.radians(2 * bars["orientation"].to_numpy())
    columns = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    reference = LinearRegression().fit(columns, score).score(columns, score)
    assert cell(scores, 0, "orientation")["r_squared"] == pytest.approx(reference)


def _silent() -> tuple[pl.DataFrame, np.ndarray]:
    drawn = stimuli(33).table.filter(family="arc")
    return drawn, np.zeros((len(drawn), 1))


def test_curves_hold_mean_and_spread_at_each_value(followed):
    _, curves = followed
    bars = gratings(33).table
    of_frequency = curves.filter(dimension=1, parameter="frequency").sort("value")
    values = sorted(bars["frequency"].unique())
    np.testing.assert_allclose(of_frequency["value"], values)
    np.testing.assert_allclose(of_frequency["mean"], -np.log2(values))
    np.testing.assert_allclose(of_frequency["std"], 0, atol=1e-9)
    assert curves.filter(dimension=0, parameter="frequency")["std"].min() == pytest.approx(np.sqrt(0.5))


@given(st.lists(st.lists(st.floats(0, 1), min_size=3, max_size=3), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_the_assignment_is_one_to_one_and_the_best(rows):
    r_squared = np.array(rows)
    chosen = assign(r_squared)
    assert chosen.sum() == min(r_squared.shape)
    assert chosen.sum(0).max() <= 1
    assert chosen.sum(1).max() <= 1
    small, large = (r_squared, 3) if len(rows) <= 3 else (r_squared.T, len(rows))
    best = max(sum(small[i, j] for i, j in enumerate(order)) for order in permutations(range(large), len(small)))
    assert r_squared[chosen].sum() == pytest.approx(best)


def test_a_layer_is_shown_gratings_and_arcs_of_its_own_size():
    shown = stimulus_responses("gabor-bank-3x2x2x2", "gabor", (0, 0), None)
    assert shown["gratings"].responses_nd.shape == (len(gratings(33).table), 24)
    assert shown["arcs"].responses_nd.shape == (len(stimuli(33).table.filter(family="arc")), 24)
