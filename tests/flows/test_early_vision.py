"""The early-vision flow on a small configuration: what it leaves behind, and that it goes on where it was stopped."""

import pytest

from flows import early_vision as module
from flows.config import read_config
from flows.early_vision import EarlyVisionConfig, early_vision
from tasks.dictionary.store import dictionary_config, trained
from tasks.errors import UserError
from tasks.warehouse.query import query
from tests.flows.test_flows import files

SMALL = [
    'layers=["block1_expand", "block2_expand"]',
    "rows=240",
    "rows_per_shard=100",
    "features_per_channel=0.5",
    'images.sources=["dead-leaves"]',
    "images.scenes=6",
    "dictionary.k=4",
    "dictionary.steps=20",
    "dictionary.batch_size=64",
    "replicas=1",
    "visualised=2",
    "ablated=2",
]


def small(*more: str) -> EarlyVisionConfig:
    return read_config(EarlyVisionConfig, None, [*SMALL, *more])


def test_a_dictionary_is_as_wide_as_asked_for_each_layer():
    config = small("features_per_channel=8")
    assert config.dictionary_for(96).features == 768
    assert config.dictionary_for(96).k == 4
    assert config.dictionary_for(96).architecture == "sae"
    extraction = config.extraction("block1_expand", "uniform")
    assert (extraction.n_rotations, extraction.reflections, extraction.sampling) == (1, False, "uniform")


def test_what_can_not_be_studied_is_refused():
    with pytest.raises(UserError, match=r"dictionary\.architecture is group-crosscoder: early-vision trains an sae"):
        small("dictionary.architecture=group-crosscoder")
    with pytest.raises(UserError, match=r"samplings\.0: Input should be 'uniform' or 'norm'"):
        small('samplings=["often"]')


@pytest.mark.usefixtures("prefect_api")
def test_a_layer_that_is_not_there_is_named_before_anything_is_made(settings):
    with pytest.raises(UserError, match="network efficientnet_lite0 has no layer 'block1_5x5'; choose one of: stem"):
        early_vision(small('layers=["block1_expand", "block1_5x5"]'))
    assert not settings.activations_dir.exists()


@pytest.mark.usefixtures("prefect_api")
def test_the_study_is_whole_and_goes_on_where_it_was_stopped(settings, monkeypatch):
    calls = []

    def stop_at_the_second(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return decompose(*arguments)

    decompose = module.decompose_neurons
    monkeypatch.setattr(module, "decompose_neurons", stop_at_the_second)
    with pytest.raises(BaseException):  # noqa: B017, PT011 - Prefect wraps the interrupt in one of its own
        early_vision(small())
    made = files(settings)
    assert len(trained(settings)) == 4  # both layers and their replicas

    monkeypatch.setattr(module, "decompose_neurons", decompose)
    summary = early_vision(small())
    assert {path: when for path, when in files(settings).items() if path in made} == made
    widths = {dictionary_config(key, settings).features for key in summary.content_keys.values()}
    assert widths == {48, 72}

    assert query("SELECT group_order, reflections FROM activation_sets", settings).rows() == [(1, False)] * 2
    scores = query("FROM dictionary_scores", settings)
    assert scores["stability"].null_count() == scores["top1_change"].null_count() == 0
    subjects = query("SELECT kind, count(*) AS n FROM unit_sets GROUP BY kind ORDER BY kind", settings).rows()
    assert subjects == [("features", 2), ("neurons", 2)]
    coverage = query("FROM curve_coverage", settings)
    assert coverage.height == 4
    assert query("SELECT count(DISTINCT dictionary_id) FROM neurons", settings).item() == 2
    pictures = query("SELECT direction, count(*) FROM feature_visualisations GROUP BY ALL ORDER BY 1", settings).rows()
    assert pictures == [("negative", 4), ("positive", 4)]
    ablated = query("SELECT dictionary_id, count(DISTINCT feature) FROM feature_logit_effects GROUP BY ALL", settings)
    assert [count for _, count in ablated.rows()] == [2, 2]
    pairs = query("SELECT differs_in_seed_alone FROM matched_dictionaries", settings).rows()
    assert pairs == [(True,), (True,)]  # each with its replica, as the layers differ
    assert (settings.site_dir / "index.html").exists()

    before = files(settings)
    assert early_vision(small()).content_keys == summary.content_keys
    assert files(settings) == before
