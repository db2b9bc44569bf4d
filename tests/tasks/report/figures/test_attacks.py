import io

import matplotlib
import numpy as np
import polars as pl
import pytest
from PIL import Image

from tasks.report.figures.attacks import (
    _scores,
    attack_sheet,
    effect_figure,
    facet_figure,
    fraction_figure,
    shown_epsilon,
    transfer_figure,
)
from tasks.report.labels import Attack
from tests.sample_tables import sample_tables
from tests.sample_tables.attacks import PLANTED_FACETS, PLANTED_READINGS
from tests.sample_tables.planted import LAYER, NETWORK, OTHER_NETWORK
from tests.tasks.report.conftest import snapshot_of
from tests.tasks.report.figures.drawn import picture, texts

PUSHED = Attack("concept", "token-pushing")


@pytest.fixture(scope="module")
def tables():
    return sample_tables()


def line_of(axes, attack):
    (found,) = [line for line in axes.lines if line.get_label() == attack.label]
    return found


def score_of(attack, epsilon, place=(NETWORK, LAYER)):
    return PLANTED_READINGS[place][1].get((attack, epsilon), 14 / 15)


def test_a_panel_for_each_experiment_with_a_line_for_each_attack(tables):
    figure = effect_figure({"stripes for zebra": tables, "again": tables})
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["stripes for zebra", "again"]
    axes = figure.axes[0]
    pushed = line_of(axes, PUSHED)
    np.testing.assert_allclose(pushed.get_xydata(), [(e, score_of("token-pushing", e)) for e in (2, 8)])
    assert axes.get_xscale() == "log"
    assert pushed.get_linestyle() == "-"
    assert pushed.get_color() == PUSHED.colours[0]
    assert line_of(axes, Attack("concept", "noise")).get_linestyle() == "--"
    assert line_of(axes, Attack("concept", "clean")).get_ydata()[0] == pytest.approx(14 / 15)
    legend = texts(figure.legends[0])
    assert legend.count("token pushing") == 1


def test_points_are_hollow_where_there_is_no_evidence(tables):
    axes = effect_figure({"": tables}).axes[0]
    (points,) = [
        each
        for each in axes.collections
        if len(each.get_offsets()) == 2 and np.allclose(each.get_offsets()[1], (8, score_of("token-pushing", 8)))
    ]
    filled, hollow = points.get_facecolor()
    assert matplotlib.colors.to_hex(filled) == PUSHED.colours[0]
    assert matplotlib.colors.to_hex(hollow) == "#ffffff"


def test_intervals_and_verdicts_are_those_of_the_view(tables):
    keys = ["perturbed_set", "attack", "epsilon", "fraction", "eval_network", "eval_layer"]
    ours = _scores(tables).sort(keys).select(*keys, "low", "high", "verdict")
    view = snapshot_of(tables).connection.execute("FROM attack_by_layer").pl().sort(keys)
    assert ours["verdict"].to_list() == view["verdict"].to_list()
    for edge in ("low", "high"):
        np.testing.assert_allclose(ours[edge], view[edge], atol=0.02)  # the view's t is a series


def test_fractions_begin_at_the_clean_score(tables):
    axes = fraction_figure(tables).axes[0]
    clean, turned = 14 / 15, score_of("token-pushing", 8)
    np.testing.assert_allclose(line_of(axes, PUSHED).get_xydata(), [(0, clean), (0.5, clean), (1, turned)])
    assert "ε = 8/255" in texts(axes)


def test_what_is_shown_goes_no_further_than_eight(tables):
    def of(*epsilons):
        return shown_epsilon({"attacks": pl.DataFrame({"epsilon": [0, *epsilons]})})

    assert [of(1, 2, 4, 8, 16), of(2, 4), of(16, 32)] == [8, 4, 16]


def test_transfer_is_framed_where_the_verdict_turns(tables):
    (axes,) = transfer_figure(tables).axes
    places = [label.get_text() for label in axes.get_xticklabels()]
    assert len(places) == len(PLANTED_READINGS)
    assert [place.endswith("(here)") for place in places].count(True) == 1
    networks = sorted((text.xy[0], text.get_text()) for text in axes.texts if hasattr(text, "xy"))
    assert [name for _, name in networks] == [NETWORK, OTHER_NETWORK]  # the network of the attack first
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names[0] == "clean"
    framed = {
        (names[round(patch.get_y() + 0.45)], round(patch.get_x() + 0.47))
        for patch in axes.patches
        if patch.get_linewidth() > 1
    }
    assert framed == {
        ("token pushing", 0),
        ("token pushing", 1),
        ("CAV", 1),
        ("through the random set", 1),
    }
    at = {text.get_position()[0]: text for text in axes.texts if text.get_text() == "speaks against"}
    assert list(at) == [1]


def test_facets_stand_in_rows_with_their_logits(tables):
    figure = facet_figure(tables)
    titles = [axes.get_title() for axes in figure.axes if axes.images]
    assert titles[0] == "plain"
    assert len(titles) == 1 + 2 * len(PLANTED_FACETS)
    assert {"stripes\nattacked towards dots", "dots\nattacked towards stripes", "dots\nwith noise"} <= set(titles)
    (pushed,) = [axes for axes in figure.axes if axes.get_title() == "stripes\nattacked towards dots"]
    _, own, others = PLANTED_FACETS["positive"]
    assert texts(pushed).replace("−", "-").count(f"dots {others}\nstripes {own}") == 1
    # each row's pictures are its facet's
    shown = [axes for axes in figure.axes if axes.get_title().startswith("dots")]
    assert {axes.get_subplotspec().rowspan.start for axes in shown} == {1}


def test_a_sheet_shows_what_was_changed(tables):
    figure = attack_sheet(tables, "concept", "token-pushing", 8)
    rows = tables["attack_pictures"].filter(perturbed_set="concept", attack="token-pushing", epsilon=8).sort("place")
    assert len(figure.axes) == 3 * len(rows)
    for axes, stored in zip(
        figure.axes, (each for column in ("clean", "attacked", "difference") for each in rows[column]), strict=True
    ):
        decoded = np.asarray(Image.open(io.BytesIO(stored)).convert("RGB"))
        np.testing.assert_array_equal(axes.images[0].get_array(), decoded)
    assert "score 0.93 (matters) → 0.33 (no evidence)" in texts(figure)
    assert picture(figure).std() > 20
