"""Dictionaries trained from two seeds on planted orbits agree far beyond chance."""

from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.stability import measure_stability, replicas_of_analysed
from tasks.dictionary.store import dictionary_config, folder_of, trained
from tasks.dictionary.train import train
from tasks.settings import Settings
from tasks.staging import read_staged, staged_keys
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
