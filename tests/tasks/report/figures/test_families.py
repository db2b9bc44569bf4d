import io

import matplotlib
import numpy as np
import polars as pl
import pytest
from PIL import Image

from tasks.report.figures.families import (
    curves_and_lines,
    families_answering,
    family_figures,
    feature_map,
    peaks,
    separation_figure,
)
from tasks.report.labels import Stimulus, SymmetryType
from tests.sample_tables import sample_tables
from tests.sample_tables.families import CROSSCODER_FAMILIES, FAMILY_SEEDS, SAE_FAMILIES
from tests.sample_tables.planted import planted_type

TABLES = ("family_analyses", "family_shapes", "feature_families", "family_pairs", "family_scores")


@pytest.fixture(scope="module")
def tables():
    return {table: sample_tables()[table].filter(family_analysis_id=CROSSCODER_FAMILIES) for table in TABLES}


@pytest.fixture(scope="module")
def sae():
    return {table: sample_tables()[table].filter(family_analysis_id=SAE_FAMILIES) for table in TABLES}


def picture(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return np.asarray(Image.open(file).convert("RGB"))


def texts(figure):
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text)]


def test_the_map_shows_each_feature_once_in_the_colour_of_its_kind(tables):
    members = tables["feature_families"]
    for kinds in (
        [Stimulus(name) for name in members["stimulus_type"]],
        [SymmetryType(planted_type(feature)) for feature in members["feature"]],
    ):
        figure = feature_map(members, kinds)
        (axes,) = figure.axes
        drawn = {}
        for dots in axes.collections:
            for x, y in dots.get_offsets():
                drawn[float(x), float(y)] = matplotlib.colors.to_hex(dots.get_facecolor()[0])
        expected = zip(members["map_x"], members["map_y"], kinds, strict=True)
        assert drawn == {(x, y): kind.colours[0] for x, y, kind in expected}
        assert axes.get_title(loc="left") == "36 features, 24 of them in 5 families"
        assert {"0", "1", "2", "3", "4"} <= set(texts(figure))
        assert picture(figure).std() > 5


@pytest.mark.parametrize(("n", "fold"), [(8, 1), (8, 2), (32, 1), (32, 2), (32, 4)])
def test_peaks_are_counted_around_the_circle(n, fold):
    turn = 2 * np.pi * np.arange(n) / n
    profile = np.exp(3 * (np.cos(fold * turn) - 1))
    assert {peaks(np.roll(profile, shift)) for shift in range(n)} == {fold}
    assert peaks(np.ones(n)) == 0


def test_families_are_found_by_what_more_than_half_of_their_members_answer(tables):
    shapes, members = tables["family_shapes"], tables["feature_families"]
    assert families_answering(shapes, members, "curve")["family"].to_list() == [0]
    assert families_answering(shapes, members, "line")["family"].to_list() == [1]
    assert families_answering(shapes, members, "line", "curve")["family"].to_list() == [0, 1]
    assert families_answering(shapes, members, "edge").is_empty()  # of 4 members
    half = members.with_columns(
        stimulus_type=pl.when(pl.col("feature").is_in([0, 2, 8, 10])).then(pl.lit("mixed")).otherwise("stimulus_type")
    )
    assert families_answering(shapes, half, "curve").is_empty()


def test_curves_have_one_peak_and_lines_two(tables):
    figure = curves_and_lines(tables["family_shapes"], tables["feature_families"])
    said = texts(figure)
    assert {"curve families: 1 with 1 peak", "9 members\n1 peak"} <= set(said)
    assert {"line and grating families: 1 with 2 peaks", "5 members\n2 peaks"} <= set(said)
    shapes = tables["family_shapes"].sort("family")
    for axes, family in zip(figure.axes, (0, 1), strict=True):
        line, _ = axes.lines
        profile = shapes["profile"][family].to_numpy()
        angles = line.get_xdata().round().astype(int)
        assert angles.tolist() == list(range(-90, 271, 45))
        np.testing.assert_allclose(line.get_ydata(), profile[angles // 45 % 8])
        (band,) = axes.collections
        low = shapes["profile_low"][family].min()
        assert band.get_paths()[0].vertices[:, 1].min() == pytest.approx(low)
    picture(figure)


def test_no_more_than_four_families_of_a_kind_are_drawn_and_all_counted(tables):
    shape = tables["family_shapes"].filter(family=0)
    shapes = pl.concat([shape.with_columns(family=pl.lit(number, pl.Int64)) for number in range(6)])
    member = tables["feature_families"].filter(family=0)
    members = pl.concat([member.with_columns(family=pl.lit(number, pl.Int64)) for number in range(6)])
    figure = curves_and_lines(shapes, members)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["family 0", "family 1", "family 2", "family 3", "", "", "", ""]
    assert {"curve families: 6 with 1 peak", "line and grating families: none found"} <= set(texts(figure))
    picture(figure)


def test_scores_of_dictionaries_and_controls_lie_under_each_other(tables, sae):
    scores = [("group crosscoder", tables["family_scores"]), ("plain SAE", sae["family_scores"])]
    figure = separation_figure(scores)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["group crosscoder", "its blocks shuffled", "random vectors", "plain SAE", "random vectors"]
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "Adjusted Rand index",
        "Purity",
        "Silhouette",
        "Neighbour agreement",
    ]
    stored = pl.concat(table for _, table in scores).filter(condition="features", metric="silhouette")
    dots = figure.axes[2].collections
    drawn = np.concatenate([dots[row].get_offsets() for row in (0, 3)])
    np.testing.assert_allclose(drawn[:, 0], stored["value"])
    assert drawn[:, 1].tolist() == [0] * len(FAMILY_SEEDS) + [3] * len(FAMILY_SEEDS)
    assert picture(figure).std() > 5


def test_figures_are_made_of_what_is_there(tables, sae):
    every = ["family_map", "curves_and_lines", "family_separation"]
    assert list(family_figures(tables)) == every
    assert list(family_figures(sae)) == ["family_map", "family_separation"]
    unscored = {table: rows for table, rows in tables.items() if table != "family_scores"}
    assert list(family_figures(unscored)) == every[:2]
    unseparated = tables["family_scores"].filter(pl.col("metric").is_in(["families", "features"]))
    assert list(family_figures(tables | {"family_scores": unseparated})) == every[:2]
    unknown = tables["feature_families"].with_columns(stimulus_type=pl.lit(None, pl.String))
    assert list(family_figures(unscored | {"feature_families": unknown})) == []
