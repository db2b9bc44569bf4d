"""Responses to the orbits of stimuli are those to stimuli that are drawn turned or mirrored."""

import polars
import pytest
import torch

from tasks.activations.unit_patches import AT_RECEPTIVE_FIELD
from tasks.symmetry.group import DihedralGroup
from tasks.tuning.responses import layer_responses, stimulus_orbits
from tasks.vision.stimuli import LARGEST_STEP
from tests.tasks.activations.small_set import SMALL

D_4 = DihedralGroup(4)
UNIT = (SMALL.network, SMALL.layer, AT_RECEPTIVE_FIELD, None)
THREE_DEGREES = 3.0
"""A step that divides 90°."""


def test_an_orbit_has_the_responses_to_turned_and_mirrored_stimuli():
    drawn, acts_ngd = stimulus_orbits(*UNIT, THREE_DEGREES, D_4)
    every, acts_nd = layer_responses(*UNIT, THREE_DEGREES)
    assert drawn.table["angle_degrees"].drop_nulls().max() < 90
    largest = acts_nd.abs().max()
    kinds = ["family", "rendering", "radius", "opening"]
    for element in D_4.elements:
        quarters, mirrored = D_4.quarter_turns(element), D_4.is_reflection(element)
        angle = (180 - polars.col("angle_degrees")) if mirrored else polars.col("angle_degrees")
        first = drawn.table.with_row_index("place").filter(polars.col("family").is_in(["arc", "edge", "angle"]))
        turned = first.with_columns(angle_degrees=(angle + 90 * quarters) % 360)
        wanted = every.table.with_row_index("number").select("number", "angle_degrees", *kinds)
        pairs = turned.join(wanted, on=["angle_degrees", *kinds], nulls_equal=True)
        assert len(pairs) == len(first) > 0
        found, expected = acts_ngd[pairs["place"].to_list(), element], acts_nd[pairs["number"].to_list()]
        assert (found - expected).abs().max() < 1e-3 * largest


def test_the_whole_circle_is_covered_in_small_steps():
    group = DihedralGroup(32)
    drawn, acts_ngd = stimulus_orbits(*UNIT, LARGEST_STEP, group)
    assert acts_ngd.shape[:2] == (len(drawn.table), group.order)
    largest = drawn.table.filter(family="arc")["radius"].max()
    angles = drawn.table.filter(family="arc", radius=largest, rendering="dark line")["angle_degrees"]
    covered = torch.tensor([angle + 360 / 32 * turn for angle in angles for turn in range(32)]).sort().values
    assert covered.diff().max() <= LARGEST_STEP
    assert covered[-1] + LARGEST_STEP >= 360


def test_hue_turns_no_stimulus():
    with pytest.raises(ValueError, match="doesn't rotate"):
        stimulus_orbits(*UNIT, LARGEST_STEP, DihedralGroup(4, transformations="hue"))
