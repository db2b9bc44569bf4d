"""Scores of a trained dictionary on images equal the package's on the same activations; bad input is one line."""

import json

import numpy as np
import pytest
import torch

from tasks.benchmark.config import ScoringConfig
from tasks.benchmark.labelled_images import open_benchmark
from tasks.benchmark.metrics import METRICS
from tasks.benchmark.score import (
    Grid,
    Scored,
    benchmark_tables,
    embedded,
    score_dictionaries,
    score_layer,
    scores_key,
)
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.store import describe, load_dictionary
from tasks.dictionary.train import train
from tasks.errors import UserError
from tasks.staging import read_staged
from tasks.vision.images import ImagesConfig
from tasks.vision.networks import load_network
from tests.tasks.benchmark.labelled_folder import write_labelled
from tests.tasks.dictionary.small_analysis import FEW, LAYER, small_analysis

POSITIONS = 9


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return small_analysis(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = write_labelled(tmp_path_factory.mktemp("photographs"), classes=4)
    other = write_labelled(tmp_path_factory.mktemp("other"), classes=3)
    return ScoringConfig(
        images=ImagesConfig(sources=("folder",), folder=folder),
        domains=("patterns", str(other)),
        pattern_images=5,
        positions=POSITIONS,
        least_images=2,
        seed=3,
    )


@pytest.fixture(scope="module")
def grid(small):
    return Grid(load_network(small.acts.config.network), LAYER, POSITIONS)


def activations(images, grid):
    """[images, positions, channels], as the package wants them."""
    return torch.cat([grid.activations(batch_bcyx) for batch_bcyx in images.batches(grid.network.input_size)])


class Theirs(torch.nn.Module):
    """Our dictionary behind the package's interface, which gives normalised activations."""

    def __init__(self, model, mean_d, deviation):
        super().__init__()
        self.model, self.mean_d, self.deviation = model, mean_d, deviation

    def encode(self, z_pd):
        x_pd = z_pd * self.deviation + self.mean_d
        return self.model.encode(x_pd[:, None] if self.model.is_crosscoder else x_pd)

    def decode(self, f_pm):
        return (self.model.decode(f_pm)[:, 0] - self.mean_d) / self.deviation


@pytest.mark.parametrize("architecture", ["sae", "crosscoder"])
def test_all_scores_are_the_packages(small, config, grid, architecture):
    theirs = pytest.importorskip("visaebench.metrics").METRIC_REGISTRY
    model = load_dictionary(getattr(small, architecture), small.settings)
    images = open_benchmark(config, small.settings)
    embeddings_nd = embedded(images.photographs, load_network(config.evaluator))
    found = score_layer({"key": model}, grid, images, embeddings_nd, config)["key"]
    assert set(found.scores) == set(METRICS)

    acts_nyxd = activations(images.photographs, grid)
    rows, columns = acts_nyxd.shape[1:3]
    acts_npd = acts_nyxd.flatten(1, 2)
    mean_d, deviation = acts_npd.flatten(0, 1).mean(0), acts_npd.flatten(0, 1).var(0, unbiased=False).mean().sqrt()
    sae, labels_n = Theirs(model, mean_d, deviation), images.photographs.numbered()[0]
    options = {"device": "cpu", "mean": mean_d, "std": float(deviation), "seed": config.seed, "labels": labels_n}

    class Evaluator:
        def extract_activations(self, indices, *, layer):
            return embeddings_nd[indices][:, None]

    class_groups = {"all": {"class_indices": [0, 1, 2, 3], "hierarchy_depth": 1}}
    domains = {
        domain.name: {"activations": activations(domain, grid).flatten(1, 2), "labels": domain.numbered()[0]}
        for domain in images.domains
    }
    localisation = theirs["localization"]((rows, columns), min_images_per_feature=config.least_images)
    fvu_options = {name: value for name, value in options.items() if name not in ("seed", "labels")}
    expected = {
        "localisation": localisation.compute(sae, acts_npd, **options),
        "fvu": theirs["fvu"]().compute(sae, acts_npd.flatten(0, 1), **fvu_options),
        "probe_ratio": theirs["downstream_preservation"]().compute(sae, acts_npd, **options),
        "sparse_probing": theirs["sparse_probing"]().compute(sae, acts_npd, **options),
        "monosemanticity": theirs["monosemanticity"]().compute(
            sae, acts_npd, images=range(len(labels_n)), evaluator_backbone=Evaluator(), **options
        ),
        "cross_domain": theirs["cross_domain"]().compute(sae, acts_npd, ood_datasets=domains, **options),
        "absorption": theirs["absorption"]().compute(sae, acts_npd, sibling_groups=class_groups, **options),
    }
    assert {name: found.scores[name].value for name in expected} == pytest.approx(
        {name: each.value for name, each in expected.items()}, abs=1e-6
    )
    assert [name for name in expected if METRICS[name].main] == [name for name in METRICS if METRICS[name].main]
    for name, each in expected.items():
        assert METRICS[name].higher_is_better == each.higher_is_better
    counted = {name: found.scores[name].n for name in ("localisation", "monosemanticity", "absorption")}
    assert counted == {
        "localisation": expected["localisation"].metadata["num_features_scored"],
        "monosemanticity": expected["monosemanticity"].metadata["num_features_scored"],
        "absorption": expected["absorption"].metadata["num_tests"],
    }
    codes_nm = sae.encode((acts_npd.flatten(0, 1) - mean_d) / deviation)
    assert found.l0 == pytest.approx((codes_nm > 0).sum(1).double().mean().item(), rel=1e-3)
    assert found.dead == int((codes_nm.amax(0) == 0).sum())


def test_a_layer_is_read_on_a_grid(grid):
    images_bcyx = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    whole_bdyx = grid.network.activations(images_bcyx, LAYER)
    step = -(-whole_bdyx.shape[2] // POSITIONS)
    found = grid.activations(images_bcyx)
    assert step > 1
    assert POSITIONS - 2 <= found.shape[1] == found.shape[2] <= POSITIONS
    np.testing.assert_array_equal(found[1, 2, 3], whole_bdyx[1, :, step // 2 + 2 * step, step // 2 + 3 * step])
    every = Grid(grid.network, LAYER, 999).activations(images_bcyx)
    np.testing.assert_array_equal(every, whole_bdyx.movedim(1, -1))


def test_scores_are_staged_once_for_each_dictionary(small, config, monkeypatch):
    shown = []
    key = score_dictionaries((small.sae, small.crosscoder), config, small.settings, lambda *each: shown.append(each))
    assert shown[-1] == (1000, 1000)
    assert [done for done, _ in shown] == sorted(done for done, _ in shown)
    tables = [read_staged(scores_key(key, each), small.settings) for each in (small.sae, small.crosscoder)]
    assert [table["benchmark_scores"].height for table in tables] == [len(METRICS)] * 2
    assert tables[0]["benchmarks"].equals(tables[1]["benchmarks"])
    row = tables[0]["benchmarks"].row(0, named=True)
    assert (row["images"], row["probed_images"], row["probed_classes"], row["domain_images"]) == (24, 24, 4, 25 + 18)
    monkeypatch.setattr("tasks.benchmark.score.embedded", lambda *rest: pytest.fail("measured again"))
    assert score_dictionaries((small.sae,), config, small.settings) == key


@pytest.mark.parametrize(("version", "stored"), [(3, None), (4, 4)])
def test_dictionaries_of_another_training_code_are_no_seeds_of_one_another(small, config, monkeypatch, version, stored):
    images, about = open_benchmark(config, small.settings), describe(small.sae, small.settings)
    monkeypatch.setattr("tasks.benchmark.score.describe", lambda *_: about | {"version": version})
    tables = benchmark_tables(small.sae, Scored({}, 4.0, 0), images, config, small.settings)
    without_seed = json.loads(tables["benchmarked_dictionaries"]["config_without_seed"][0])
    assert without_seed.get("version") == stored
    assert without_seed["method"] == "topk"


def test_the_evaluator_must_be_another_network_and_a_dictionary_must_encode_single_rows(small, config):
    same = config.model_copy(update={"evaluator": small.acts.config.network})
    with pytest.raises(UserError, match="is of efficientnet_lite0: choose another network as evaluator"):
        score_dictionaries((small.sae,), same, small.settings)
    orbits = train(small.acts.key, DictionaryConfig(encode_from="orbit", **FEW), small.settings)
    with pytest.raises(UserError, match="encodes whole orbits"):
        score_dictionaries((orbits,), config, small.settings)
