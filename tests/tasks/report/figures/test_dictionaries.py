import io
import subprocess
import sys

import matplotlib
import numpy as np
import polars as pl
import pytest
from PIL import Image

from tasks.report.figures.dictionaries import (
    block_fvu,
    density_histogram,
    dictionary_figures,
    mean_profiles,
    profile_polar,
    training_curves,
    type_counts,
)
from tasks.settings import ROOT
from tasks.symmetry.blocks import analyse_blocks, symmetry_tables, type_name
from tasks.symmetry.group import DihedralGroup
from tasks.symmetry.scales import ScaleRange
from tests.planted import KINDS, planted_blocks

GROUP = DihedralGroup(12)


@pytest.fixture(scope="module")
def blocks():
    rng = np.random.default_rng(0)
    return np.concatenate([planted_blocks(kind, GROUP, 4, rng, 0.2) for kind in KINDS.values()])


@pytest.fixture(scope="module")
def found(blocks):
    return analyse_blocks(blocks, GROUP)


@pytest.fixture(scope="module")
def types(found):
    return [type_name(k, GROUP) for k in found.rotation_symmetry]


@pytest.fixture(scope="module")
def tables(blocks):
    steps = np.arange(0, 500, 50)
    history = [
        pl.DataFrame({"step": steps, "metric": metric, "value": values})
        for metric, values in (("fvu", 0.3 + 1 / (1 + steps)), ("dead_fraction", steps / 5e3), ("l0", steps * 0.0 + 32))
    ]
    return symmetry_tables("a key", blocks, GROUP, np.ones(len(blocks), bool)) | {
        "training_steps": pl.concat(history),
        "features": pl.DataFrame({"density": np.geomspace(1e-4, 0.5, len(blocks))}),
        "block_metrics": pl.DataFrame({"element": GROUP.elements, "fvu": np.linspace(0.2, 0.4, GROUP.order)}),
    }


def picture(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return np.asarray(Image.open(file).convert("RGB"))


def texts(figure):
    return {text.get_text() for text in figure.findobj(matplotlib.text.Text)}


def line(axes, label):
    (found,) = (line for line in axes.lines if line.get_label() == label)
    return found


def test_polar_plot_draws_rotations_and_reflections_at_their_angles(found):
    figure = profile_polar(found.profiles[0], GROUP, "Feature 0")
    (axes,) = figure.axes
    angles = np.radians(np.append(GROUP.rotation_degrees(GROUP.elements[:12]), 360))
    for label, half in (("rotations", found.profiles[0, :12]), ("reflections", found.profiles[0, 12:])):
        np.testing.assert_allclose(line(axes, label).get_xdata(), angles)
        np.testing.assert_allclose(line(axes, label).get_ydata(), np.append(half, half[0]))
    assert axes.get_title(loc="left") == "Feature 0"


def test_polar_plot_has_room_for_negative_cosines():
    profile = np.cos(np.radians(GROUP.rotation_degrees(GROUP.elements)))
    (axes,) = profile_polar(profile, GROUP, "cosine").axes
    assert axes.get_rmin() == -1.0


def test_type_counts_are_the_bars(types):
    (axes,) = type_counts(types).axes
    bars = {label.get_text(): bar.get_width() for label, bar in zip(axes.get_yticklabels(), axes.patches, strict=True)}
    assert bars == {"invariant": 8, "period 360°": 8, "period 180°": 8, "period 120°": 4, "period 90°": 4}
    assert "8  (25%)" in texts(axes.figure)


def test_mean_profiles_draw_the_median_of_each_type(found, types):
    figure = mean_profiles(found.profiles, types, GROUP)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["invariant", "period 360°", "period 180°", "period 120°", "period 90°"]
    of_type = found.profiles[np.array(types) == "period-180"]
    median = figure.axes[2].lines[0]
    np.testing.assert_allclose(median.get_ydata(), np.median(of_type[:, 1:12], axis=0))
    np.testing.assert_allclose(median.get_xdata(), np.arange(30, 360, 30))


def test_training_curves_follow_the_history(tables):
    fvu = training_curves(tables["training_steps"].reverse()).axes[0].lines[0]
    np.testing.assert_array_equal(fvu.get_xdata(), np.arange(0, 500, 50))
    np.testing.assert_allclose(fvu.get_ydata(), 0.3 + 1 / (1 + np.arange(0, 500, 50)))
    assert {"0.302", "0.09", "32"} <= texts(fvu.axes.figure)


def test_block_fvu_draws_both_halves_of_the_group():
    fvu = np.linspace(0.1, 0.5, GROUP.order)
    (axes,) = block_fvu(fvu, GROUP).axes
    np.testing.assert_array_equal(line(axes, "rotations").get_ydata(), fvu[:12])
    np.testing.assert_array_equal(line(axes, "reflections").get_ydata(), fvu[12:])


@pytest.mark.parametrize("density", [[0.0, 1e-3, 0.01, 1.0], [0.0, 0.0], [0.5]])
def test_density_histogram_counts_each_live_feature_once(density):
    density = np.array(density)
    (axes,) = density_histogram(density).axes
    assert sum(bar.get_height() for bar in axes.patches) == (density > 0).sum()
    assert axes.get_title(loc="right") == f"{(density == 0).sum()} dead"


def test_a_crosscoder_has_all_figures_and_an_sae_those_without_blocks(tables):
    figures = dictionary_figures(tables, GROUP)
    assert set(figures) == {"training", "density", "block_fvu", "symmetry_types", "profiles"}
    sae = {name: tables[name] for name in ("training_steps", "features", "block_metrics")}
    assert set(dictionary_figures(sae, DihedralGroup(1))) == {"training", "density"}


def test_without_reflections_no_reflections_are_drawn():
    group = DihedralGroup(6, reflections=False)
    values = np.linspace(1, 0, 6)
    for figure, closed in ((profile_polar(values, group, "a feature"), True), (block_fvu(values, group), False)):
        labels = [line.get_label() for line in figure.axes[0].lines if not line.get_label().startswith("_")]
        assert labels == ["rotations"]
        drawn = line(figure.axes[0], "rotations").get_ydata()
        np.testing.assert_array_equal(drawn, np.append(values, values[0]) if closed else values)


@pytest.mark.parametrize(
    ("n_rotations", "reflections"), [(1, True), (2, True), (3, True), (32, True), (2, False), (32, False)]
)
def test_figures_render_for_any_group(n_rotations, reflections):
    group = DihedralGroup(n_rotations, reflections)
    blocks = planted_blocks(KINDS["curve"], group, 3, np.random.default_rng(1), 0.2)
    found = analyse_blocks(blocks, group)
    types = [type_name(k, group) for k in found.rotation_symmetry]
    for figure in (
        profile_polar(found.profiles[0], group, "a curve"),
        mean_profiles(found.profiles, types, group),
        block_fvu(np.full(group.order, 0.25), group),
    ):
        pixels = picture(figure)
        assert pixels.std() > 5  # something is drawn
        border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        assert (border == 255).all()  # nothing is cut off


def test_scales_are_drawn_from_small_to_large_and_hue_says_that_it_is_hue():
    scales = ScaleRange(1, 2)
    profiles = np.stack([[1.0, 0.9, 0.7, 0.4, 0.8]] * 3)
    [axes] = mean_profiles(profiles, ["tuned"] * 3, scales).axes
    np.testing.assert_allclose(axes.lines[0].get_xdata(), [-1, -0.5, 0, 0.5, 1])
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [0.4, 0.8, 1.0, 0.9, 0.7])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0.5×", "0.707×", "1×", "1.41×", "2×"]
    drawn = line(block_fvu(profiles[0], scales).axes[0], "scales")
    np.testing.assert_allclose(drawn.get_ydata(), [0.4, 0.8, 1.0, 0.9, 0.7])
    hue = DihedralGroup(5, reflections=False, transformations="hue")
    assert block_fvu(profiles[0], hue).axes[0].get_xlabel() == "rotation of the hue"
    for figure in (mean_profiles(profiles, ["mixed", "tuned", "invariant"], scales), block_fvu(profiles[0], scales)):
        assert picture(figure).std() > 5


def test_no_global_state_is_left_behind(tables):
    before = dict(matplotlib.rcParams)
    for figure in dictionary_figures(tables, GROUP).values():
        assert (picture(figure)[0] == 255).all()
    assert dict(matplotlib.rcParams) == before


def test_matplotlib_is_imported_only_when_a_figure_is_made():
    code = (
        "import sys, tasks.report.figures.dictionaries as f; assert 'matplotlib' not in sys.modules;"
        "f.type_counts(['mixed']); assert 'matplotlib' in sys.modules; assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
