"""Pictures along dimensions: on the bank, whose dimensions are known, they move as they should and no other way."""

import io

import numpy as np
import polars
import pytest
import torch
from PIL import Image

from tasks.activations.extract import extract
from tasks.activations.plan import ExtractionConfig, plan
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.store import load_dictionary
from tasks.dictionary.train import train
from tasks.dimensions import paths as module
from tasks.dimensions.analyse import POINTS
from tasks.dimensions.paths import paths, render_path, shown_dimensions
from tasks.staging import read_staged, stage_tables
from tasks.vision.gabor import parameters_of
from tasks.vision.images import ImagesConfig

BANK = "gabor-bank-4x3x2x2"
EXTRACTION = ExtractionConfig(
    network=BANK,
    layer="gabor",
    images=ImagesConfig(sources=("dead-leaves",), scenes=4),
    n_rotations=1,
    reflections=False,
    orbits=64,
    test_share=0.25,
)
PREFERRED = 30.0
MEAN = 0.05


def write_analysis(settings, activation_set, dimensions, dictionary=None):
    """Frames, under the key `made`, of dimensions (direction, score by frequency, parameter it is assigned to)."""
    numbers, (directions, curves, assigned) = range(len(dimensions)), zip(*dimensions, strict=True)
    about = {"dimension_analysis_id": "made", "activation_set_id": activation_set, "dictionary_id": dictionary}
    found = {"dimension_analysis_id": "made", "dimension": numbers, "low": -2.0, "high": 2.0, "direction": directions}
    scores = [
        ("made", number, parameter, PREFERRED if parameter == "orientation" else None, parameter == assigned[number])
        for number in numbers
        for parameter in ("orientation", "frequency", "phase")
    ]
    frequencies = [1 / 16, 1 / 8, 1 / 4]
    curve = [
        ("made", number, "frequency", value, score)
        for number in numbers
        for value, score in zip(frequencies, curves[number], strict=True)
    ]
    tables = {
        "dimension_analyses": polars.DataFrame([{**about, "mean": [MEAN] * len(directions[0])}]),
        "tuning_dimensions": polars.DataFrame(found),
        "tuning_scores": polars.DataFrame(
            scores, schema=["dimension_analysis_id", "dimension", "parameter", "preferred", "assigned"], orient="row"
        ),
        "dimension_curves": polars.DataFrame(
            curve, schema=["dimension_analysis_id", "dimension", "parameter", "value", "mean"], orient="row"
        ),
    }
    stage_tables("made", tables, settings)
    return "made"


def tables_of(key, settings):
    tables = read_staged(key, settings)
    return tables["dimension_pictures"], {
        row["parameter"]: row for row in tables["dimension_paths"].iter_rows(named=True)
    }


def test_a_path_moves_its_own_parameter_and_no_other(settings, monkeypatch):
    monkeypatch.setattr(module, "CONFIG", module.CONFIG.model_copy(update={"channel_size": 64, "steps": 32}))
    bank = parameters_of(BANK).table
    along = np.cos(2 * np.radians(bank["orientation"].to_numpy() - PREFERRED))
    octaves = np.log2(bank["frequency"].to_numpy())
    coarser = (octaves.mean() - octaves) / octaves.std()
    dimensions = [(0.03 * along, [0.1, 0, 0.1], "orientation"), (0.03 * coarser, [1, 0, -1], "frequency")]
    analysis = write_analysis(settings, plan(EXTRACTION, settings).key, dimensions)
    for dimension, intended, other in ((0, "orientation", "frequency"), (1, "frequency", "orientation")):
        pictures, path = tables_of(render_path(analysis, dimension, settings), settings)
        assert {Image.open(io.BytesIO(picture)).size for picture in pictures["picture"]} == {(64, 64)}
        assert path[intended]["spearman"] >= 0.9
        assert path[intended]["drift"] > 0.3
        assert path[other]["drift"] < 0.15


@pytest.fixture
def painted(monkeypatch):
    """What was asked of `visualise`, which paints noise instead."""
    asked = []

    def paint(network, layer, directions_nc, config, progress):
        asked.append((network.name, layer, directions_nc))
        return torch.rand(len(directions_nc), 3, 16, 16, generator=torch.Generator().manual_seed(0))

    monkeypatch.setattr(module, "visualise", paint)
    return asked


def test_the_first_dimensions_are_shown_and_those_assigned_to_what_pictures_can_tell(settings, painted):
    directions = np.random.default_rng(0).normal(size=(5, 48))
    assigned = [None, "phase", "orientation", "phase", "frequency"]
    dimensions = [(direction, [-1, 0, 1], name) for direction, name in zip(directions, assigned, strict=True)]
    analysis = write_analysis(settings, plan(EXTRACTION, settings).key, dimensions)
    assert shown_dimensions(analysis, 1, settings) == [0, 2, 4]
    assert shown_dimensions(analysis, 0, settings) == [2, 4]

    key = render_path(analysis, 2, settings)
    pictures, path = tables_of(key, settings)
    assert pictures["dimension"].to_list() == [2] * POINTS
    assert pictures["place"].to_list() == [*range(POINTS)]
    assert pictures["score"].to_list() == [*np.linspace(-2, 2, POINTS)]
    assert {name: row["intended"] for name, row in path.items()} == {"orientation": True, "frequency": False}

    assert render_path(analysis, 2, settings) == key
    [(network, layer, points_pd)] = painted
    assert (network, layer) == (BANK, "gabor")
    expected = MEAN + np.outer(np.linspace(-2, 2, POINTS), directions[2])
    np.testing.assert_allclose(points_pd, expected, atol=1e-6)


def test_a_point_of_features_is_what_the_dictionary_makes_of_it(settings, painted):
    activation_set = extract(EXTRACTION.model_copy(update={"n_rotations": 4, "orbits": 48}), settings)
    config = DictionaryConfig(features=8, k=3, steps=5, batch_size=16)
    key = train(activation_set, config, settings)
    directions = np.random.default_rng(0).normal(size=(2, 8))
    dimensions = [(direction, [-1, 0, 1], None) for direction in directions]
    render_path(write_analysis(settings, activation_set, dimensions, key), 1, settings)
    points_pm = MEAN + np.outer(np.linspace(-2, 2, POINTS), directions[1])
    dictionary = load_dictionary(key, settings)
    assert dictionary.block_count == 4
    expected_pd = dictionary.decode(torch.from_numpy(points_pm).float())[:, 0]
    [(_, _, points_pd)] = painted
    torch.testing.assert_close(points_pd, expected_pd)


def made_of(orientation, coherence, frequency, preferred, curve):
    """`paths` of one dimension whose pictures show this, by parameter."""
    points = len(orientation)
    pictures = polars.DataFrame(
        {
            "dimension": [3] * points,
            "place": range(points),
            "score": np.linspace(-1, 2, points),
            "orientation_degrees": orientation,
            "coherence": coherence,
            "spatial_frequency": frequency,
        },
        schema_overrides=dict.fromkeys(("orientation_degrees", "spatial_frequency"), polars.Float64),
    )
    analysis = {
        "tuning_scores": polars.DataFrame(
            {
                "dimension_analysis_id": "made",
                "dimension": [3, 3, 4],
                "parameter": ["orientation", "frequency", "frequency"],
                "preferred": [preferred, None, None],
                "assigned": [True, False, True],
            }
        ),
        "dimension_curves": polars.DataFrame(
            {"dimension": 3, "parameter": "frequency", "value": [1 / 32, 1 / 8, 1 / 4], "mean": curve}
        ),
    }
    rows = paths(pictures.sample(fraction=1, shuffle=True, seed=0), analysis)
    return {row["parameter"]: row for row in rows.iter_rows(named=True)}


SOME = [1 / 16, 1 / 12, 1 / 10, 1 / 8]


@pytest.mark.parametrize(("preferred", "expected"), [(170.0, 1), (80.0, -1)])
def test_orientation_counts_by_its_side_of_the_preferred_one_and_its_clearness(preferred, expected):
    path = made_of([80.0, 80.0, 170.0, 170.0], [0.9, 0.4, 0.3, 0.8], SOME, preferred, curve=[0, 1, 5])
    assert path["orientation"]["spearman"] == pytest.approx(expected)
    assert path["orientation"]["drift"] == pytest.approx((0.8 + 0.9) / 2)
    assert path["orientation"]["intended"]


@pytest.mark.parametrize(("curve", "expected"), [([-1, 0, 1], 1), ([3, 1, 0], -1)])
def test_frequency_counts_in_octaves_the_way_the_score_goes(curve, expected):
    path = made_of([0.0, 10.0, 30.0, 20.0], [0.5] * 4, SOME, preferred=0.0, curve=curve)
    assert path["frequency"]["spearman"] == pytest.approx(expected)
    assert path["frequency"]["drift"] == pytest.approx(1 / 3)
    assert not path["frequency"]["intended"]


def test_what_changes_by_rounding_alone_is_not_followed():
    path = made_of([20.0, 20.0, 20 + 1e-9], [0.5] * 3, [0.1, 0.1 + 1e-12, 0.1 + 2e-12], preferred=0.0, curve=[-1, 0, 1])
    for row in path.values():
        assert row["spearman"] == 0
        assert row["drift"] == pytest.approx(0, abs=1e-6)


def test_uniform_pictures_show_no_parameter():
    path = made_of([None] * 3, [0.0] * 3, [None] * 3, preferred=0.0, curve=[-1, 0, 1])
    assert {(row["spearman"], row["drift"]) for row in path.values()} == {(0.0, 0.0)}
    path = made_of([None, 0.0, 0.0], [0.0, 0.5, 0.9], [None, 0.1, 0.2], preferred=0.0, curve=[-1, 0, 1])
    assert path["orientation"]["spearman"] == pytest.approx(1)
    assert path["frequency"]["drift"] == pytest.approx(1 / 3)
