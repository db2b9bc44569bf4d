"""Curve detectors: planted units are told apart, each criterion counts, the stage's tables load and pass the audits."""

import numpy as np
import polars as pl
import pytest
import torch

from tasks.activations.extract import extract
from tasks.activations.shards import ActivationSet, activation_tables
from tasks.dictionary.analyse import analyse
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.train import train
from tasks.errors import UserError
from tasks.staging import read_staged
from tasks.tuning.curves import (
    EXAMPLES,
    NATURAL_ROTATIONS,
    analyse_tuning,
    compared_with_neurons,
    curve_families,
    natural_curves,
    natural_maxima,
    unit_tuning,
)
from tasks.tuning.radial import angular_distance
from tasks.tuning.responses import neuron_responses
from tasks.vision.names import RENDERINGS
from tasks.vision.stimuli import ARC_RADII, Stimuli, stimuli
from tasks.warehouse.audit import run_sql_audit
from tasks.warehouse.database import open_warehouse, sql_files
from tasks.warehouse.load import load
from tests.tasks.activations.small_set import SMALL

SEEN = stimuli(91)
TABLE = SEEN.table.with_columns(pl.col("angle_degrees").fill_null(0))
ARC = (TABLE["family"] == "arc").to_numpy()
ANGLES = TABLE["angle_degrees"].to_numpy()


def answers(
    peak=60.0, sharpness=6.0, echo=0.0, renderings=(1.0, 1.0, 1.0, 1.0), radii=(1.0, 1.0, 1.0, 1.0), **families
):
    """[stimuli] of a planted curve detector that answers arcs up to 10, and other families as far as it is told."""
    theta = np.radians(ANGLES - peak)
    bump = np.exp(sharpness * (np.cos(theta) - 1)) + echo * np.exp(sharpness * (-np.cos(theta) - 1))
    gains = [
        renderings[RENDERINGS.index(rendering)] * radii[ARC_RADII.index(radius)] if family == "arc" else 0.0
        for family, rendering, radius in TABLE.select("family", "rendering", "radius").iter_rows()
    ]
    response = 10 * np.array(gains) * bump
    for family, gain in families.items():
        response[(TABLE["family"] == family.replace("_", "-")).to_numpy()] = 10 * gain
    return response


def judged(*units, natural=12.0):
    return unit_tuning(SEEN, np.stack(units, axis=1), np.broadcast_to(np.asarray(natural, float), len(units)))


def test_a_planted_detector_is_found_with_its_peak():
    found = judged(*(answers(peak) for peak in (0.0, 61.3, 359.0)))
    assert found.is_detector.all()
    assert angular_distance(found.tuning.peak, [0, 61.3, 359]) == pytest.approx(0, abs=0.2)
    assert set(found.types) == {"curve"}
    assert found.confidence == pytest.approx(1)
    assert found.best == pytest.approx(10, rel=0.01)


@pytest.mark.parametrize(
    ("passes", "fails"),
    [
        (answers(renderings=(1, 0.3, 1, 1)), answers(renderings=(1, 0.2, 1, 1))),
        (answers(echo=0.2, sharpness=8), answers() + np.where(ARC & (ANGLES == 240), 4, 0)),
        (answers(sharpness=1.8), answers(sharpness=1.2)),
        (answers(line=0.5, edge=0.55), answers(line=0.65)),
        (answers(edge=0.55), answers(edge=0.65)),
    ],
    ids=["renderings", "echo", "concentration", "lines", "edges"],
)
def test_each_criterion_counts(passes, fails):
    found = judged(passes, fails)
    assert found.is_detector.tolist() == [True, False]
    assert found.is_near.tolist() == [False, True]


def test_a_rendering_must_answer_where_the_peak_is():
    elsewhere = answers()
    light_line = ARC & (TABLE["rendering"] == "light line").to_numpy()
    elsewhere[light_line] = answers(peak=130.0)[light_line]
    assert judged(elsewhere).weakest_rendering[0] < 0.25
    assert not judged(elsewhere).is_detector[0]


def test_what_drawn_stimuli_hardly_move_is_no_detector():
    found = judged(*[answers()] * 4, natural=(99.0, 101.0, 1.0, 0.0))
    assert found.is_detector.tolist() == [True, False, True, False]
    assert found.types.tolist() == ["curve", "other", "curve", "curve"]


def test_silent_and_inhibited_units_are_no_detectors_and_have_no_tuning():
    found = judged(np.zeros(len(TABLE)), -answers(), np.minimum(answers() - 20, -1))
    assert found.criteria.tolist() == [0, 0, 0]
    assert set(found.types) == {"other"}
    assert np.isnan(found.tuning.peak).all()
    assert np.isnan(found.weakest_rendering).all()


@pytest.mark.parametrize("family", ["line", "edge", "angle", "grating", "hatch", "centre_surround", "colour"])
def test_a_type_is_the_family_answered_most(family):
    found = judged(answers(**{family: 2.0}), answers(**{family: 1.05}), answers(**{family: 0.5}))
    assert found.types.tolist() == [family.replace("_", "-"), "mixed", "curve"]
    assert found.confidence == pytest.approx([0.5, 0.05, 0.5], abs=0.01)


def test_families_share_radius_and_rendering():
    found = judged(
        answers(10.0, radii=(0.2, 0.5, 1, 0.5)),
        answers(200.0, radii=(0.2, 0.5, 1, 0.5), renderings=(0.6, 1, 0.8, 0.9)),
        answers(200.0, radii=(1, 0.5, 0, 0), renderings=(0.4, 1, 0.3, 0.3)),
    )
    families = curve_families(SEEN, found, np.flatnonzero(found.is_detector))
    assert families["unit"].to_list() == [0, 1, 2]
    assert families["curve_family"].to_list() == ["30 px, any", "30 px, any", "12 px, light line"]


def test_what_neurons_leave_out():
    neurons = judged(answers(0.0), answers(24.0), answers(90.0), answers(200.0, line=0.9))
    outside = compared_with_neurons(neurons, np.array([11.0, 5.0, 200.0, 57.0]))
    assert outside["nearest_neuron"].to_list() == [0, 0, 2, 1]
    assert outside["nearest_degrees"].to_list() == pytest.approx([11, 5, 110, 33], abs=0.3)
    assert outside["inside_gap"].to_list() == [True, False, True, True]
    assert outside["inside_arc"].to_list() == [False, False, True, True]
    nobody = compared_with_neurons(judged(answers(line=0.9)), np.array([12.0]))
    assert nobody.row(0) == (None, None, True, True)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    from tasks.settings import Settings

    settings = Settings(data_dir=tmp_path_factory.mktemp("tuning"))
    return extract(SMALL, settings), settings


def test_natural_maxima_and_examples_are_those_of_the_shards(small):
    acts = ActivationSet.open(*small)
    (maxima, best), (doubled, _) = natural_maxima(acts, [None, lambda rows: 2 * rows])
    whole = torch.cat([acts.read(shard.index) for shard in acts.shards]).float()
    rows = pl.concat([acts.rows(shard.index) for shard in acts.shards])
    np.testing.assert_allclose(maxima, whole.amax((0, 1)))
    np.testing.assert_allclose(doubled, 2 * maxima)
    for unit in range(whole.shape[2]):
        mine = best.filter(unit=unit)
        top = pl.Series("top", whole[:, :, unit].amax(1).numpy())
        by_image = rows.with_columns(top).group_by("image").agg(pl.max("top"))
        expected = by_image.filter(pl.col("top") > 0)["top"].sort(descending=True).head(EXAMPLES)
        assert mine["activation"].to_list() == pytest.approx(expected.to_list())
        assert mine["image"].is_unique().all()


def test_natural_patches_are_turned_from_where_they_excite_the_unit(small):
    key, settings = small
    acts = ActivationSet.open(key, settings)
    seen = []
    examples = natural_maxima(acts, [None])[0][1].filter(pl.col("unit") < 4)
    examples = examples.group_by("unit", maintain_order=True).head(1)
    found = natural_curves(acts, examples, lambda rows: seen.append(rows) or rows, settings)
    assert found.keys() == set(examples["unit"])
    assert all(curve[0] == 1 and curve.shape == (NATURAL_ROTATIONS,) for curve in found.values())
    # the example as it stood in the shard is one of the turned patches
    stored = torch.cat([acts.read(shard.index) for shard in acts.shards]).float()
    order = pl.concat([acts.rows(shard.index) for shard in acts.shards])["row"].to_list()
    row, element, unit = examples.row(0, named=True)["row"], examples["element"][0], examples["unit"][0]
    place = round(acts.group.rotation_degrees(element) / 360 * NATURAL_ROTATIONS)
    torch.testing.assert_close(seen[0][place], stored[order.index(row), element], rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(found[unit], np.roll(seen[0][:, unit], -place) / seen[0][place, unit], rtol=1e-5)


def test_the_stage_is_done_once_and_its_tables_pass_every_audit(small, monkeypatch):
    key, settings = small
    config = DictionaryConfig(architecture="sae", features=40, k=4, steps=20, batch_size=16, auxiliary_k=0)
    dictionary = train(key, config, settings)
    seen = []
    subjects = [analyse_tuning(key, each, settings, lambda *done: seen.append(done)) for each in (None, dictionary)]
    assert max(done for done, _ in seen) == 1000
    assert {total for _, total in seen} == {1000}
    tables = [read_staged(subject, settings) for subject in subjects]
    channels = ActivationSet.open(key, settings).channels
    assert [len(each["unit_tuning"]) for each in tables] == [channels, 40]
    assert [each["unit_sets"]["kind"][0] for each in tables] == ["neurons", "features"]

    load("set", activation_tables(ActivationSet.open(key, settings)), settings)
    analysis = analyse(dictionary, settings)
    load(analysis, read_staged(analysis, settings), settings)
    for subject, each in zip(subjects, tables, strict=True):
        load(subject, each, settings)
    with open_warehouse(settings) as connection:
        audits = [run_sql_audit(connection, file) for file in sql_files("audits")]
    assert [result for result in audits if not result.passed] == []

    monkeypatch.setattr("tasks.tuning.curves.layer_responses", None)
    assert analyse_tuning(key, dictionary, settings) == subjects[1]


def test_a_dictionary_that_reads_whole_orbits_is_refused(small):
    key, settings = small
    config = DictionaryConfig(features=8, k=2, steps=2, batch_size=8, encode_from="orbit", auxiliary_k=0)
    with pytest.raises(UserError, match="encodes whole orbits"):
        analyse_tuning(key, train(key, config, settings), settings)
    reads_one = train(key, config.model_copy(update={"encode_from": "identity"}), settings)
    assert len(read_staged(analyse_tuning(key, reads_one, settings), settings)["unit_tuning"]) == 8


def test_a_third_of_the_5x5_branch_of_mixed3b_detects_curves(bvlc):
    shown = TABLE["family"].is_in(["arc", "line", "edge"]).to_numpy()
    arcs_and_controls = Stimuli(SEEN.side, SEEN.step_degrees, SEEN.table.filter(shown))
    responses = np.zeros((len(TABLE), 96))
    responses[shown] = neuron_responses(bvlc, "mixed3b_5x5", arcs_and_controls)
    found = unit_tuning(SEEN, responses, responses.max(0))
    assert 0.25 < found.is_detector.mean() < 0.45
