"""Rows from which features start: drawn as they come, or cluster means against k-means written out."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans

from tasks.dictionary import start, store
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.metrics import similarity_of, stability
from tasks.dictionary.rows import batches
from tasks.dictionary.start import RESTARTS, cluster_means, initialise
from tasks.dictionary.train import dictionary_key, train
from tasks.settings import Settings

FEW = {"features": 12, "k": 2, "batch_size": 32, "start": "clusters"}
ORBITS = 70 + 41 + 64
"""Planted orbits of the train split."""


def drawn(acts, config, rows):
    other = config.model_copy(update={"seed": config.seed + 2**31})
    return torch.cat([*batches(acts, other, last_step=-(-rows // config.batch_size))], dim=1)[:, :rows]


def test_rows_are_those_of_another_seed(planted_orbits):
    config = DictionaryConfig(**FEW | {"start": "rows"})
    found, expected = (store.create(config, planted_orbits.channels, planted_orbits.group) for _ in range(2))
    initialise(found, planted_orbits)
    x_gbd = drawn(planted_orbits, config, config.features)
    expected.set_scale(x_gbd)
    expected.initialise(x_gbd)
    assert all(torch.equal(found.state_dict()[name], tensor) for name, tensor in expected.state_dict().items())


def test_the_scale_is_that_of_rows_and_not_of_their_means(planted_orbits):
    scales = []
    for begin in ("rows", "clusters"):
        config = DictionaryConfig(**FEW | {"start": begin})
        dictionary = store.create(config, planted_orbits.channels, planted_orbits.group)
        initialise(dictionary, planted_orbits)
        scales.append(dictionary.scale)
    assert torch.equal(*scales)


@pytest.mark.parametrize("fields", [{"orbit_reuse": False}, {}, {"architecture": "sae"}], ids=str)
@pytest.mark.parametrize("directions", [256, 8])
def test_means_are_those_of_k_means(planted_orbits, monkeypatch, fields, directions):
    monkeypatch.setattr(start, "DIRECTIONS", directions)
    config = DictionaryConfig(**FEW, **fields)
    found_gmd = cluster_means(planted_orbits, config, 12)
    x_gbd = drawn(planted_orbits, config, ORBITS if not config.orbit_reuse else ORBITS * planted_orbits.group.order)
    flat_bv = x_gbd.transpose(0, 1).flatten(1).numpy()
    if flat_bv.shape[1] > directions:
        random = torch.randn(flat_bv.shape[1], directions, generator=torch.Generator().manual_seed(config.seed))
        flat_bv = flat_bv @ random.numpy()
    deviation_bv = flat_bv - flat_bv.mean(0)
    deviation_bv /= np.linalg.norm(deviation_bv, axis=1, keepdims=True)
    label_b = KMeans(12, n_init=RESTARTS, random_state=config.seed).fit_predict(deviation_bv)
    for cluster in range(12):
        expected_gd = x_gbd[:, label_b == cluster].mean(1)
        torch.testing.assert_close(found_gmd[:, cluster], expected_gd, rtol=1e-4, atol=1e-5)


def test_the_same_seed_gives_the_same_bytes_and_memory_holds_only_the_means(planted_orbits):
    config = DictionaryConfig(**FEW)
    found = cluster_means(planted_orbits, config, 12)
    assert found.shape == (planted_orbits.group.order, 12, planted_orbits.channels)
    assert torch.equal(found, cluster_means(planted_orbits, config, 12))
    assert not torch.equal(found, cluster_means(planted_orbits, config.model_copy(update={"seed": 1}), 12))


def test_more_clusters_than_distinct_rows_start_from_rows(planted_orbits):
    config = DictionaryConfig(**FEW | {"features": 300, "orbit_reuse": False})
    found_gmd = cluster_means(planted_orbits, config, 300)
    stored_bgd = torch.cat(planted_orbits.acts[:3]).float()
    distance_mb = torch.cdist(found_gmd.transpose(0, 1).flatten(1), stored_bgd.flatten(1))
    assert distance_mb.min(1).values.max() < 1e-2
    assert (distance_mb < 1e-2).any(0).all()


def test_features_of_two_seeds_are_more_alike_from_clusters(planted_set, tmp_path):
    settings, alike = Settings(data_dir=tmp_path), {}
    for begin in ("rows", "clusters"):
        fields = FEW | {"start": begin, "steps": 40, "auxiliary_k": 0}
        keys = [train("planted", DictionaryConfig(**fields, seed=seed), settings) for seed in (0, 1)]
        first, second = (store.load_dictionary(key, settings) for key in keys)
        alike[begin] = stability(first.blocks(), second.blocks(), similarity_of(first.config))
    assert alike["clusters"] > alike["rows"] + 0.05


def test_dictionaries_from_rows_keep_their_keys():
    rows, clusters = DictionaryConfig(), DictionaryConfig(start="clusters")
    assert dictionary_key("set", rows) != dictionary_key("set", clusters)
    assert dictionary_key("set", rows) == "cd9f92b4f31178b73821e2b55f142f42c635c75018ba8cabe7574ce31b7caece"
