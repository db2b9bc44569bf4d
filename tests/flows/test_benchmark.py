"""The benchmark flow on a small configuration: two layers, two methods and two seeds in one view."""

import json

import pytest

from flows import benchmark as module
from flows.benchmark import BenchmarkConfig, benchmark
from flows.config import read_config
from tasks.benchmark.metrics import METRICS
from tasks.dictionary.store import dictionary_config, trained
from tasks.errors import UserError
from tasks.settings import ROOT
from tasks.warehouse.query import query
from tests.flows.test_flows import files
from tests.tasks.benchmark.labelled_folder import write_labelled

SMALL = [
    'layers=["stem", "block1_expand"]',
    "rows=240",
    "rows_per_shard=100",
    "features_per_channel=1",
    'images.sources=["dead-leaves"]',
    "images.scenes=6",
    "dictionary.k=4",
    "dictionary.steps=20",
    "dictionary.batch_size=64",
    "variants=[{}, {method = 'relu', sparsity = 0.1}]",
    "k_of_layer={stem = 2}",
    "seeds=2",
    "scoring.pattern_images=5",
    "scoring.positions=8",
    "scoring.least_images=2",
]


def small(*more: str) -> BenchmarkConfig:
    return read_config(BenchmarkConfig, None, [*SMALL, *more])


def test_every_layer_has_its_methods_and_seeds():
    config = small()
    assert [(each.method, each.k, each.seed) for each in config.dictionaries_for("stem", 32)] == [
        ("topk", 2, 0),
        ("topk", 2, 1),
        ("relu", 2, 0),
        ("relu", 2, 1),
    ]
    assert {(each.k, each.features) for each in config.dictionaries_for("block1_expand", 96)} == {(4, 96)}
    assert [each.method for each in BenchmarkConfig().variants] == [
        *("topk", "batchtopk", "matryoshka", "relu", "jumprelu", "gated")
    ]


def test_what_can_not_be_trained_is_refused():
    with pytest.raises(UserError, match=r"benchmark trains SAEs only: set dictionary\.architecture to sae"):
        small("dictionary.architecture=group-crosscoder")
    with pytest.raises(UserError, match="k_of_layer names block7, which is not among the layers"):
        small("k_of_layer={block7 = 2}")


def test_the_study_of_inception_v1_is_understood():
    config = read_config(BenchmarkConfig, ROOT / "flows" / "configs" / "inceptionv1-benchmark.toml", [])
    assert config.layers == ("conv2d0", "conv2d1", "conv2d2", "mixed3a", "mixed3b")
    assert (len({each.method for each in config.variants}), config.seeds) == (6, 3)
    assert all(len(classes) >= 3 for classes in config.scoring.groups.values())


@pytest.mark.usefixtures("prefect_api")
def test_images_without_classes_are_named_before_anything_is_made(settings):
    scenes = ('scoring.images.sources=["dead-leaves"]', "scoring.images.scenes=3")
    with pytest.raises(
        UserError, match="the 3 photographs state no class: give a folder of images for each class"
    ) as error:
        benchmark(small(*scenes))
    assert len(str(error.value).splitlines()) == 1
    assert not settings.activations_dir.exists()


@pytest.mark.usefixtures("prefect_api")
def test_methods_and_seeds_stand_in_one_view_and_are_scored_once(settings, tmp_path, monkeypatch):
    folder = json.dumps(str(write_labelled(tmp_path / "photographs")))
    config = small(f"scoring.images.folder={folder}")
    from mlflow import MlflowClient

    summary = benchmark(config)
    assert summary.failures == {}
    found = query("FROM benchmark", settings)
    assert found.height == 2 * 2 * len(METRICS)
    assert set(found["metric"]) == set(METRICS)
    assert set(found["seeds"]) == {2}
    assert set(found.select("layer", "method", "features").unique().rows()) == {
        ("stem", "topk", 32),
        ("stem", "relu", 32),
        ("block1_expand", "topk", 96),
        ("block1_expand", "relu", 96),
    }
    assert found["seed_std"].null_count() == 0
    assert found.filter(metric="fvu")["seed_std"].min() > 0
    of_topk = found.filter(method="topk", metric="fvu").sort("layer")
    assert of_topk["l0"].to_list() == pytest.approx([4.0, 2.0], rel=0.05)
    [label] = found["benchmark_label"].unique()
    assert label == "benchmark on 18 images · 3 classes, patterns, seed 42"
    fvu = found.filter(layer="stem", method="topk", metric="fvu").row(0, named=True)
    expected = f"{fvu['mean']:.3f} ± {fvu['seed_std']:.3f} over 2 seeds"
    assert summary.figures["stem, topk-sae 32, k = 2: FVU, ViSAEBench's"] == expected
    assert query("SELECT count(*) FROM audit_results WHERE NOT passed", settings).item() == 0
    assert query("SELECT count(*) FROM dictionaries", settings).item() == 0

    lineage = query("FROM lineage WHERE kind = 'scores'", settings)
    assert sorted(lineage["dictionary_id"]) == sorted(trained(settings))
    [(run, revision)] = query("SELECT flow_run_id, git_revision FROM runs", settings).rows()
    assert set(lineage.select("flow_run_id", "git_revision", "flow", "result_id").rows()) == {
        (run, revision, "benchmark", summary.content_keys["benchmark"])
    }
    assert lineage["activation_set_id"].n_unique() == 2
    client = MlflowClient(settings.mlflow_tracking_uri)
    for row in lineage.iter_rows(named=True):
        logged = client.get_run(row["mlflow_run_id"])
        assert logged.data.params["scored_dictionary"] == row["dictionary_id"]
        scores = query(
            f"SELECT metric, value FROM benchmark_scores WHERE dictionary_id = '{row['dictionary_id']}'", settings
        )
        assert logged.data.metrics.items() >= dict(scores.rows()).items()

    before, keys = files(settings), trained(settings)
    assert len(keys) == 8
    monkeypatch.setattr("tasks.benchmark.score.score_layer", lambda *rest: pytest.fail("scored again"))
    assert benchmark(config).content_keys == summary.content_keys
    assert files(settings) == before

    one = next(key for key in keys if dictionary_config(key, settings).method == "topk")
    again = benchmark(small(f"scoring.images.folder={folder}", f'dictionaries=["{one[:16]}"]'))
    assert again.content_keys == summary.content_keys
    assert again.title == "Benchmark of 1 dictionary"
    with pytest.raises(UserError, match="no trained dictionary 0000"):
        module.known(("0000",), settings)
