"""Dictionaries trained from two seeds on planted orbits agree far beyond chance."""

import pytest
import torch

from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.metrics import cosine_matrix, stability
from tasks.dictionary.stability import measure_stability, replicas_of_analysed, turned_similarity
from tasks.dictionary.store import create, dictionary_config, folder_of, load_dictionary, read_table, trained
from tasks.dictionary.train import train
from tasks.settings import Settings
from tasks.staging import read_staged, staged_keys
from tasks.symmetry.group import DihedralGroup
from tests.damage import flip
from tests.tasks.dictionary.small_analysis import small_analysis


def test_two_seeds_agree_beyond_chance(planted_set, tmp_path):
    place = Settings(data_dir=tmp_path)
    config = DictionaryConfig(features=12, k=2, steps=300, batch_size=64, learning_rate=5e-3)
    keys = [train("planted", config.model_copy(update={"seed": seed}), place) for seed in (0, 1)]
    other, same = (
        read_staged(key, place)["dictionary_stability"].row(0, named=True)
        for key in measure_stability(keys[0], (keys[1], keys[0]), place)
    )
    assert other["stability"] > other["stability_random"] + 0.3
    assert (other["dictionary_id"], other["replica_id"], other["replica_seed"]) == (*keys, 1)
    assert same["stability"] > 0.999


def steerable(group, seed):
    """A steerable crosscoder with random prototypes."""
    features = 5 * group.order
    config = DictionaryConfig(architecture="steerable-crosscoder", features=features, k=2, auxiliary_k=0)
    dictionary = create(config, 4, group).requires_grad_(False)
    torch.nn.init.normal_(dictionary.decoder.weight, generator=torch.Generator().manual_seed(seed))
    return dictionary


@pytest.mark.parametrize("group", [DihedralGroup(3), DihedralGroup(4), DihedralGroup(5, reflections=False)])
def test_prototypes_are_compared_at_the_best_of_all_turns(group):
    one, other = (steerable(group, seed) for seed in (0, 1))
    turned = cosine_matrix(one.blocks(), other.blocks()).view(5, group.order, 5, group.order)
    found = turned_similarity(*(each.decoder.weight.transpose(0, 1) for each in (one, other)), one.turns)
    torch.testing.assert_close(found, turned.amax((1, 3)))


def test_prototypes_that_were_turned_and_shuffled_are_the_same_as_in_the_plain_matching():
    """With a little noise, so that the similarity isn't 1: each feature has one clear partner."""
    group, one = DihedralGroup(4), steerable(DihedralGroup(4), 0)
    other, noise = steerable(group, 1), torch.Generator().manual_seed(2)
    for place, (prototype, turn) in enumerate([(3, 1), (0, 6), (4, 0), (1, 3), (2, 5)]):
        other.decoder.weight[:, place] = one.decoder.weight[group.reuse_permutation(turn), prototype]
    other.decoder.weight.add_(0.5 * torch.randn(other.decoder.weight.shape, generator=noise))
    plain = stability(one.blocks(), other.blocks(), cosine_matrix)
    prototypes = (each.decoder.weight.transpose(0, 1) for each in (one, other))
    found = stability(*prototypes, lambda *pair: turned_similarity(*pair, one.turns))
    assert found == pytest.approx(plain, abs=1e-5)
    assert 0.8 < plain < 0.95


def test_stability_of_a_steerable_crosscoder_is_that_of_the_prototypes_that_fire(planted_set, tmp_path):
    place = Settings(data_dir=tmp_path)
    order = 4 * planted_set.group.order
    fields = {"architecture": "steerable-crosscoder", "features": order, "k": 2, "auxiliary_k": 0}
    config = DictionaryConfig(**fields, steps=40, batch_size=32)
    one, other = (train("planted", config.model_copy(update={"seed": seed}), place) for seed in (0, 1))
    [key] = measure_stability(one, (other,), place)
    row = read_staged(key, place)["dictionary_stability"].row(0, named=True)
    prototypes, turns = [], load_dictionary(one, place).turns
    for each in (one, other):
        fired = read_table(each, "test_firing", place)["fired"].to_numpy().reshape(4, -1).sum(1) > 0
        prototypes.append(load_dictionary(each, place).decoder.weight.transpose(0, 1)[torch.from_numpy(fired)])
    expected = stability(*prototypes, lambda *pair: turned_similarity(*pair, turns))
    assert row["stability"] == pytest.approx(expected)
    assert -1 < row["stability_random"] < row["stability"] <= 1


def test_a_further_replica_adds_its_own_rows_alone(planted_set, tmp_path):
    place = Settings(data_dir=tmp_path)
    config = DictionaryConfig(features=12, k=2, steps=2, batch_size=8)
    first, *replicas = (train("planted", config.model_copy(update={"seed": seed}), place) for seed in range(3))
    before, after = (measure_stability(first, tuple(others), place) for others in (replicas[:1], replicas))
    assert before == after[:1]
    assert len(staged_keys(place)) == 2


def test_replicas_differ_in_the_seed_alone_and_were_not_analysed(tmp_path):
    small = small_analysis(tmp_path)
    crosscoder = dictionary_config(small.crosscoder, small.settings)
    replica, other, damaged = (
        train(small.acts.key, crosscoder.model_copy(update=change), small.settings)
        for change in ({"seed": 1}, {"seed": 1, "k": 2}, {"seed": 2})
    )
    flip(folder_of(damaged, small.settings) / "config.json", 100)
    assert replicas_of_analysed(small.settings) == {small.sae: (), small.crosscoder: (replica,)}
    assert other in trained(small.settings)
