"""Drawn stimuli: where they point, how they are antialiased, and that a table row is enough to draw one."""

import math

import polars as pl
import pytest
import torch

from tasks.errors import UserError
from tasks.vision.names import FAMILIES, RENDERINGS
from tasks.vision.stimuli import ARC_RADII, draw, stimuli

SIDES = (7, 32, 91)


def rows(side, **where):
    return stimuli(side).table.filter(*(pl.col(name) == value for name, value in where.items()))


@pytest.mark.parametrize("side", SIDES)
def test_every_family_is_drawn_at_every_size(side):
    seen = stimuli(side)
    assert seen.table["stimulus"].to_list() == list(range(len(seen.table)))
    assert tuple(seen.table["family"].unique(maintain_order=True)) == FAMILIES
    pictures = torch.cat([batch.flatten(1) for batch in seen.batches(500)])
    assert pictures.shape == (len(seen.table), 3 * side**2)
    assert pictures.dtype == torch.float32
    assert pictures.min() == 0
    assert pictures.max() == 1
    colours = seen.table.filter(family="colour")
    uniform = colours.filter(pl.col("radius").is_null(), pl.col("angle_degrees").is_null())
    blank = (pictures.unflatten(1, (3, -1)).amax(2) == pictures.unflatten(1, (3, -1)).amin(2)).all(1)
    assert torch.nonzero(blank)[:, 0].tolist() == uniform["stimulus"].to_list()


def test_batches_are_the_table_in_order():
    seen = stimuli(9)
    some = seen.table[[3, 2000, len(seen.table) - 1]]
    pictures = torch.cat(list(seen.batches(123)))
    torch.testing.assert_close(draw(some, 9), pictures[some["stimulus"].to_list()])


def test_arcs_come_in_all_renderings_radii_and_orientations_the_last_fastest():
    arcs = rows(91, family="arc")
    assert len(arcs) == 4 * 4 * 90
    assert arcs["angle_degrees"][:90].to_list() == list(range(0, 360, 4))
    assert arcs["radius"][::90].to_list() == list(ARC_RADII) * 4
    assert arcs["rendering"][::360].to_list() == list(RENDERINGS)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("family", ["arc", "edge", "line", "angle", "grating", "colour"])
def test_a_quarter_turn_of_the_angle_turns_the_picture(side, family):
    of_family = rows(side, family=family).filter(pl.col("angle_degrees") < 80).gather_every(7)
    turned = of_family.with_columns(pl.col("angle_degrees") + 90)
    expected = torch.rot90(draw(of_family, side), 1, dims=(-2, -1))
    torch.testing.assert_close(draw(turned, side), expected, atol=2e-4, rtol=0)


@pytest.mark.parametrize("family", ["arc", "edge", "angle"])
@pytest.mark.parametrize(("angle", "where"), [(0, (16, 22)), (90, (10, 16)), (180, (16, 10)), (268, (22, 16))])
def test_the_filled_side_lies_where_the_angle_points(family, angle, where):
    dark = rows(33, family=family, rendering="dark fill", angle_degrees=angle)
    pictures = draw(dark.filter(pl.col("radius").fill_null(99) > 4), 33)
    assert (pictures[:, :, where[0], where[1]] == 0).all()
    assert (pictures[:, :, 32 - where[0], 32 - where[1]] == 1).all()


@pytest.mark.parametrize("side", SIDES)
def test_an_arc_runs_through_the_centre_and_around_its_circle(side):
    middle = slice((side - 1) // 2, side // 2 + 1)
    lines = draw(rows(side, family="arc", rendering="light line"), side)[:, :, middle, middle].mean((1, 2, 3))
    assert lines.min() > 0.8
    fills = draw(rows(side, family="arc", rendering="light fill"), side)[:, :, middle, middle].mean((1, 2, 3))
    assert (fills - 0.5).abs().max() < 0.15


@pytest.mark.parametrize("side", [7, 91])
def test_coverage_is_what_a_fine_grid_of_points_says(side):
    fine = 15
    arcs = rows(side, family="arc", rendering="light fill").gather_every(11)
    point = (torch.arange(side * fine) + 0.5) / fine - side / 2
    theta = torch.deg2rad(torch.tensor(arcs["angle_degrees"].to_list()))[:, None, None]
    radius = torch.tensor(arcs["radius"].to_list())[:, None, None]
    x, y = point[None, None], -point[None, :, None]
    inside = torch.hypot(x - radius * theta.cos(), y - radius * theta.sin()) < radius
    expected = torch.nn.functional.avg_pool2d(inside.float()[:, None], fine)
    assert (draw(arcs, side)[:, :1] - expected).abs().max() < (0.25 if side == 7 else 0.12)
    assert (draw(arcs, side)[:, :1] - expected).abs().mean() < 0.01


def test_a_disc_has_the_area_of_its_circle():
    discs = rows(91, family="centre-surround", rendering="light fill")
    areas = draw(discs, 91)[:, 0].sum((1, 2))
    torch.testing.assert_close(areas, torch.tensor([math.pi * r**2 for r in discs["radius"]]), rtol=0.02, atol=0)


def test_a_straight_edge_is_an_arc_of_endless_radius():
    edges = rows(91, family="edge")
    flat = edges.with_columns(family=pl.lit("arc"), radius=pl.lit(50_000.0))
    assert (draw(flat, 91) - draw(edges, 91)).abs().max() < 0.05


def test_gratings_have_their_frequency_and_hatches_two():
    gratings = rows(91, family="grating", phase=90, angle_degrees=0)
    for picture, frequency in zip(draw(gratings, 91), gratings["frequency"], strict=True):
        spectrum = torch.fft.rfft(picture[0, 45] - picture[0, 45].mean()).abs()
        assert spectrum.argmax() == round(frequency * 91)
    hatch = draw(rows(91, family="hatch", angle_degrees=0), 91)
    torch.testing.assert_close(hatch, hatch.transpose(-2, -1))


@pytest.mark.parametrize("step", [0, 5, 3.7, -4, math.nan])
def test_a_step_that_does_not_do_is_refused(step):
    with pytest.raises(UserError, match="divides 360°"):
        stimuli(9, step)
    assert len(stimuli(9, 2).table.filter(family="arc")) == 4 * 4 * 180


def test_a_larger_canvas_shows_the_same_patch_in_its_middle():
    rows = stimuli(31).table
    torch.testing.assert_close(draw(rows, 31, 45)[:, :, 7:-7, 7:-7], draw(rows, 31))
