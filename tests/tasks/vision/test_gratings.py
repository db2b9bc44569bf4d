"""Gratings: every combination once, drawn as their parameters say."""

import math

import numpy as np
import polars as pl
import pytest
import torch

from tasks.vision.gratings import COLOURS, FINEST, FREQUENCIES, ORIENTATIONS, PHASES, Gratings, gratings

SIDE = 32


def one(**parameters) -> torch.Tensor:
    """[3, SIDE, SIDE] of one grating."""
    row = {"orientation": 0.0, "frequency": 1 / 8, "phase": 0.0, "colour": 0.0} | parameters
    return next(Gratings(SIDE, pl.DataFrame([row])).batches(1))[0]


def test_every_combination_is_there_once():
    table = gratings(33).table
    assert len(table) == len(table.unique()) == ORIENTATIONS * FREQUENCIES * PHASES * COLOURS
    assert table["frequency"].min() == pytest.approx(2 / 33)
    assert table["frequency"].max() == pytest.approx(FINEST)
    assert gratings(7).table["frequency"].min() == pytest.approx(1 / 8), "what sees little is shown longer periods"


def test_pictures_stay_within_range_and_come_in_the_order_of_the_table():
    drawn = gratings(9)
    pictures = torch.cat(list(drawn.batches(1000)))
    assert len(pictures) == len(drawn.table)
    assert pictures.min() >= 0
    assert pictures.max() <= 1
    assert torch.equal(pictures[1234], next(Gratings(9, drawn.table[1234:1235]).batches(1))[0])


def test_upright_bars_change_from_left_to_right_with_the_given_period():
    picture = one()
    assert torch.allclose(picture[:, 0], picture[:, -1], atol=1e-6)
    assert torch.allclose(picture[..., :-8], picture[..., 8:], atol=1e-5)


def test_orientation_runs_counter_clockwise_as_displayed():
    tilted = one(orientation=45.0)
    assert torch.allclose(tilted[:, 1:, 1:], tilted[:, :-1, :-1], atol=1e-5), "bars fall from top left to bottom right"


def test_a_turn_of_colour_by_half_only_exchanges_the_bars():
    for colour in (0.0, 60.0):
        assert torch.allclose(one(colour=colour + 180), one(colour=colour, phase=180.0), atol=1e-6)


def test_colours_span_black_white_and_yellow_blue():
    black_white, yellow_blue = one() - 0.5, one(colour=90.0) - 0.5
    assert torch.allclose(black_white[0], black_white[2], atol=1e-6)
    assert torch.allclose(yellow_blue[2], -2 * yellow_blue[0], atol=1e-6)
    assert torch.allclose((black_white * yellow_blue).sum(0), torch.zeros(SIDE, SIDE), atol=1e-6)


def test_phase_shifts_the_wave_at_the_centre():
    rows = pl.DataFrame({"orientation": [0.0], "frequency": [1 / 8], "phase": [90.0], "colour": [0.0]})
    x = np.arange(SIDE) - (SIDE - 1) / 2
    expected = (1 + np.cos(2 * np.pi * x / 8 + np.pi / 2) / math.sqrt(3)) / 2
    np.testing.assert_allclose(next(Gratings(SIDE, rows).batches(1))[0, 0, 0], expected, atol=1e-6)
