"""Dictionaries trained from two seeds on planted orbits agree far beyond chance."""

from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.stability import measure_stability
from tasks.dictionary.train import train
from tasks.settings import Settings
from tasks.staging import read_staged


def test_two_seeds_agree_beyond_chance(planted_set, tmp_path):
    place = Settings(data_dir=tmp_path)
    config = DictionaryConfig(features=12, k=2, steps=300, batch_size=64, learning_rate=5e-3)
    keys = [train("planted", config.model_copy(update={"seed": seed}), place) for seed in (0, 1)]
    tables = read_staged(measure_stability(keys[0], (keys[1],), place), place)
    found = dict(tables["dictionary_metrics"].select("metric", "value").iter_rows())
    assert found["stability"] > found["stability_random"] + 0.3
    same = read_staged(measure_stability(keys[0], (keys[0],), place), place)["dictionary_metrics"]
    assert same.row(0, named=True)["value"] > 0.999
