import io

import numpy as np
import polars as pl
import pytest
from PIL import Image

from tasks.report.figures.curves import orientation_colour
from tasks.report.figures.dimensions import completeness_figure, dimension_figures, identification_figure
from tasks.report.labels import DimensionMethod, Irrep
from tests.sample_tables import sample_tables
from tests.sample_tables.dimensions import (
    NEURON_DIMENSIONS,
    PCA_DIMENSIONS,
    PLACES,
    PLANTED_DIMENSIONS,
    RANDOM_DIMENSIONS,
    RENDERED,
)
from tests.tasks.report.figures.drawn import picture, texts

ANALYSES = {"pca": PCA_DIMENSIONS, "neurons": NEURON_DIMENSIONS, "random": RANDOM_DIMENSIONS}


def tables_of(analysis):
    tables = {name: rows for name, rows in sample_tables().items() if name.startswith("dimension_")}
    tables |= {name: sample_tables()[name] for name in ("tuning_dimensions", "tuning_scores")}
    return {name: rows.filter(dimension_analysis_id=analysis) for name, rows in tables.items()}


@pytest.fixture(scope="module")
def tables():
    return tables_of(PCA_DIMENSIONS)


@pytest.fixture(scope="module")
def analyses():
    return {name: tables_of(analysis) for name, analysis in ANALYSES.items()}


def test_every_dimension_is_drawn_along_what_it_follows(tables):
    figure = dimension_figures(tables)["tuning_curves"]
    assert len(figure.axes) == len(PLANTED_DIMENSIONS)
    for dimension, (axes, (parameter, closeness, _)) in enumerate(zip(figure.axes, PLANTED_DIMENSIONS, strict=True)):
        assert f"{dimension}   {parameter} ◆\nR² {closeness:.2f}" in texts(axes)
        curve = tables["dimension_curves"].filter(dimension=dimension, parameter=parameter).sort("value")
        (mean,) = [line for line in axes.lines if len(line.get_xdata()) not in (2, 181)]
        if parameter in ("frequency", "curvature"):
            assert axes.name == "rectilinear"
            np.testing.assert_array_equal(mean.get_xydata(), curve.select("value", "mean").to_numpy())
            assert axes.get_xscale() == ("log" if parameter == "frequency" else "linear")
            continue
        period = 180 if parameter in ("orientation", "colour") else 360
        assert axes.name == "polar"
        # closed, and once for each time that it fits into a full turn
        assert len(mean.get_xdata()) == 360 // period * len(curve) + 1
        expected = dict(zip(curve["value"], curve["mean"], strict=True))
        for angle, value in mean.get_xydata():
            assert expected[round(np.degrees(angle), 6) % period] == value
        assert mean.get_color() == orientation_colour(30 * dimension * 360 / period)
    assert picture(figure).std() > 5


def test_strips_hold_rendered_pictures_alone(tables):
    figure = dimension_figures(tables)["strips"]
    assert len(figure.axes) == len(RENDERED)
    for dimension, axes in zip(RENDERED, figure.axes, strict=True):
        stored = tables["dimension_pictures"].filter(dimension=dimension, kind="rendered").sort("place")["picture"]
        assert len(axes.images) == PLACES
        lefts = [image.get_extent()[0] for image in axes.images]
        assert lefts == sorted(lefts)
        for image, blob in zip(axes.images, stored, strict=True):
            np.testing.assert_array_equal(image.get_array(), np.asarray(Image.open(io.BytesIO(blob)).convert("RGB")))
    assert "0   orientation\nR² 0.94   ρ 0.90" in texts(figure)
    assert picture(figure).std() > 5


def test_harmonics_fill_their_bars(tables):
    figure = dimension_figures(tables)["harmonics"]
    (axes,) = figure.axes
    tops = {}
    for bars in axes.containers:
        for bar in bars:
            place = round(bar.get_x() + bar.get_width() / 2)
            assert bar.get_y() == pytest.approx(tops.get(place, 0))
            tops[place] = bar.get_y() + bar.get_height()
    assert tops == pytest.approx(dict.fromkeys(range(6), 1.0))
    highest = {
        place: max(axes.containers, key=lambda bars, place=place: bars[place].get_height()).get_label()
        for place in range(6)
    }
    assert list(highest.values()) == [Irrep(irrep, 0).label for *_, irrep in PLANTED_DIMENSIONS]
    picture(figure)


def test_what_is_not_there_is_not_drawn(tables):
    without = {name: rows for name, rows in tables.items() if name not in ("dimension_harmonics", "dimension_paths")}
    patches = tables["dimension_pictures"].filter(kind="patch")
    assert list(dimension_figures(without)) == ["tuning_curves", "strips"]
    assert "ρ" not in texts(dimension_figures(without)["strips"])
    assert list(dimension_figures(without | {"dimension_pictures": patches})) == ["tuning_curves"]
    assert list(dimension_figures(without | {"tuning_scores": tables["tuning_scores"].clear()})) == []


def test_methods_are_compared_by_variance_and_by_what_the_network_answers(analyses):
    figure = completeness_figure(analyses)
    variance, answers = figure.axes
    assert [line.get_label() for line in variance.lines] == list(analyses)
    for line, tables in zip(variance.lines, analyses.values(), strict=True):
        stored = tables["tuning_dimensions"].sort("dimension")["cumulative_variance"]
        np.testing.assert_allclose(line.get_ydata(), [0, *stored])
        assert line.get_color() == DimensionMethod(tables["dimension_analyses"]["method"].item()).colours[0]
    rows = analyses["pca"]["dimension_completeness"].sort("dimensions")
    kept, removed = answers.lines[:2]
    np.testing.assert_array_equal(kept.get_xydata(), rows.select("dimensions", "agreement_kept").to_numpy())
    np.testing.assert_array_equal(removed.get_xydata(), rows.select("dimensions", "agreement_removed").to_numpy())
    assert (kept.get_linestyle(), removed.get_linestyle()) == ("-", "--")
    assert picture(figure).std() > 5

    unasked = {name: tables | {"dimension_completeness": pl.DataFrame()} for name, tables in analyses.items()}
    figure = completeness_figure(unasked)
    assert len(figure.axes) == 1
    picture(figure)


def test_the_best_scores_stand_in_a_matrix_with_controls_below(analyses):
    figure = identification_figure({name: analyses[name] for name in ("random", "pca", "neurons")})
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["pca", "random", "neurons"]
    heights = axes.get_yticks()
    assert heights[1] - heights[0] > heights[2] - heights[1]
    parameters = [label.get_text() for label in axes.get_xticklabels()]
    assert parameters == ["orientation", "frequency", "phase", "colour", "direction", "curvature"]
    closeness = {parameter: each for parameter, each, _ in PLANTED_DIMENSIONS}
    said = [text.get_text() for text in axes.texts]
    assert said[:6] == [f"{closeness[parameter]:.2f}" for parameter in parameters]
    assert said[6:12] == [f"{0.1 * closeness[parameter]:.2f}" for parameter in parameters]
    framed = [patch.get_edgecolor()[3] > 0 for patch in axes.patches]
    assert framed == [True, True] + [False] * 16
    assert picture(figure).std() > 5
    picture(identification_figure({"neurons": analyses["neurons"]}))
