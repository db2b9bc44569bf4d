"""The details of features that an analysis stages beside its own tables."""

import shutil

import numpy as np
import polars as pl
import pytest
import torch
from polars.testing import assert_frame_equal

from tasks.activations.shards import activation_tables
from tasks.dictionary.analyse import analyse, analysis_key, details_key, neighbours_table, strongest_neurons
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.metrics import cosine_matrix
from tasks.dictionary.rows import every_row
from tasks.dictionary.store import create, load_dictionary
from tasks.dictionary.train import train
from tasks.staging import is_staged, read_staged
from tasks.symmetry.action import transform_patches
from tasks.symmetry.group import DihedralGroup
from tasks.vision.images import webp
from tasks.warehouse.audit import run_audits
from tasks.warehouse.database import open_warehouse
from tasks.warehouse.load import load
from tests.tasks.dictionary.small_analysis import FEW, small_analysis


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_analysis(tmp_path_factory.mktemp("analysis"))


def test_histograms_count_the_rows_of_the_features_table(small):
    for key in (small.sae, small.crosscoder):
        features = read_staged(analysis_key(key), small.settings)["features"]
        dictionary, config = load_dictionary(key, small.settings), load_dictionary(key, small.settings).config
        rows_m, total = np.zeros(config.features, dtype=int), 0
        for shard in small.acts.shards:
            for _, x_gbd in every_row(small.acts, config, shard, 1):
                values_bm = dictionary.encode(x_gbd.transpose(0, 1) if dictionary.is_crosscoder else x_gbd[0])
                rows_m += (values_bm > 0).sum(0).numpy()
                total += len(values_bm)
        histogram = read_staged(details_key(key), small.settings)["activation_histograms"]
        counted = dict(histogram.group_by("feature").agg(pl.col("rows").sum()).iter_rows())
        assert counted == {feature: count for feature, count in enumerate(rows_m) if count}
        for feature, count in counted.items():
            assert features["density"][feature] == pytest.approx(count / total)


def test_a_quantile_example_has_the_patch_that_the_unit_saw(small):
    examples = read_staged(details_key(small.crosscoder), small.settings)["quantile_examples"]
    assert set(examples["quantile"]) <= {0.1, 0.3, 0.5, 0.7, 0.9}
    turned = examples.filter(pl.col("element") != 0)
    assert len(turned) > 3
    side, group = small.acts.plan.patch.side, small.acts.group
    for row in turned.head(4).rows(named=True):
        place = small.acts.plan.rows.filter(image=row["image_id"], y=row["y"], x=row["x"])["row"].item()
        seen = transform_patches(small.acts.patch(place)[None].float(), np.array([row["element"]]), group, side)
        assert row["patch"] == webp(seen[0, 0])


def test_strongest_neurons_are_the_largest_weights_of_the_identity_block():
    group = DihedralGroup(3)
    dictionary = create(DictionaryConfig(features=4, k=2), 12, group).requires_grad_(False)
    dictionary.decoder.weight.copy_(torch.randn(6, 4, 12, generator=torch.Generator().manual_seed(0)))
    dictionary.decoder.weight[0, 2] = 0
    dictionary.decoder.weight[0, 3] = torch.tensor([0.0] * 7 + [-3.0, 0.0, 0.0, 4.0, 0.0])
    found = strongest_neurons(dictionary, torch.tensor([True, False, True, True]))
    weight_md = dictionary.blocks()[:, 0].double().numpy()
    order = np.argsort(-abs(weight_md[0]))[:10]
    of_first = found.filter(feature=0)
    assert of_first["neuron"].to_list() == order.tolist()
    assert of_first["rank"].to_list() == list(range(1, 11))
    np.testing.assert_allclose(of_first["weight"], weight_md[0, order])
    np.testing.assert_allclose(of_first["share"], weight_md[0, order] ** 2 / (weight_md[0] ** 2).sum())
    assert found.filter(feature=3).rows() == [
        (3, 1, 10, 4.0, pytest.approx(0.64)),
        (3, 2, 7, -3.0, pytest.approx(0.36)),
    ]
    assert set(found["feature"]) == {0, 3}  # a feature whose block is zero writes on no neuron


@pytest.mark.parametrize("live", [0, 1, 4, 23])
def test_neighbours_are_those_of_the_whole_matrix(live, monkeypatch):
    monkeypatch.setattr("tasks.dictionary.analyse.FEATURES_AT_ONCE", 5)
    generator = torch.Generator().manual_seed(0)
    blocks_mgd, live_m = torch.randn(30, 4, 3, generator=generator), torch.zeros(30, dtype=torch.bool)
    live_m[torch.randperm(30, generator=generator)[:live]] = True
    found = neighbours_table("key", blocks_mgd, live_m, cosine_matrix)
    features = torch.nonzero(live_m)[:, 0]
    cosine_ll = cosine_matrix(blocks_mgd[features], blocks_mgd[features]).fill_diagonal_(-2)
    similarity_lk, places_lk = cosine_ll.sort(dim=1, descending=True)
    count = min(6, max(0, live - 1))
    assert found["feature"].to_list() == features.repeat_interleave(count).tolist()
    assert found["neighbour"].to_list() == features[places_lk[:, :count]].flatten().tolist()
    np.testing.assert_allclose(found["similarity"], similarity_lk[:, :count].flatten(), atol=1e-6)


def test_a_dictionary_that_was_analysed_before_gets_its_details_alone(small):
    before = read_staged(details_key(small.sae), small.settings)
    shutil.rmtree(small.settings.staging_dir / details_key(small.sae))
    committed = small.settings.staging_dir / analysis_key(small.sae) / "checksums.json"
    written = committed.stat().st_mtime_ns
    analyse(small.sae, small.settings)
    assert committed.stat().st_mtime_ns == written
    for table, rows in read_staged(details_key(small.sae), small.settings).items():
        assert_frame_equal(rows, before[table])


def test_all_that_is_staged_passes_the_audits(small, settings):
    from tasks.dictionary.ablation import ablate_features
    from tasks.dictionary.feature_matches import match_features, matches_key
    from tasks.dictionary.heat_maps import draw_heat_maps

    replica = train(small.acts.key, DictionaryConfig(seed=1, **FEW), small.settings)
    assert match_features((small.sae, small.crosscoder), small.settings) == 4
    keys = [matches_key(*pair) for pair in ((small.sae, small.crosscoder), (small.crosscoder, replica))]
    keys += [details_key(key) for key in (small.sae, small.crosscoder)]
    keys += draw_heat_maps((small.sae, small.crosscoder), small.settings)
    keys += [ablate_features(small.sae, count, small.settings) for count in (2, 4)]  # more later than at first
    load("set", activation_tables(small.acts), settings)
    for key in (*(analysis_key(key) for key in (small.sae, small.crosscoder)), *keys):
        assert is_staged(key, small.settings)
        assert load(key, read_staged(key, small.settings), settings)
    with open_warehouse(settings) as connection:
        assert [result for result in run_audits(connection) if not result.passed] == []
        assert connection.execute("SELECT count(DISTINCT feature) FROM feature_logit_effects").fetchone() == (4,)
        assert connection.execute("SELECT count(DISTINCT image_id) = count(*) FROM image_frames").fetchone() == (True,)
