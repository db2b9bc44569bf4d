"""Staged frames are loaded in an order in which references hold."""

from itertools import permutations

from flows.publish import _in_order_of_reference, _models
from tasks.dictionary.store import folder_of
from tests.damage import flip
from tests.tasks.tracking.conftest import write_dictionary

TABLES = {
    "extraction": ["networks", "layers", "images", "activation_sets", "shards"],
    "dictionary": ["dictionaries", "features"],
    "visualisation": ["feature_visualisations"],
    # brings networks of its own, and asks a dictionary
    "attack": ["networks", "layers", "concepts", "attack_analyses", "attacks", "attack_features"],
}


def test_a_key_is_placed_by_the_tables_that_are_its_own():
    for order in permutations(TABLES):
        assert _in_order_of_reference({key: TABLES[key] for key in order}) == [*TABLES]


def test_a_damaged_dictionary_is_passed_over_by_name(settings):
    write_dictionary("a" * 64, settings, architecture="sae")
    write_dictionary("b" * 64, settings)
    flip(folder_of("b" * 64, settings) / "config.json", 5_000)
    names, damaged = _models(settings)
    assert names == ["topk-sae"]
    [(dictionary, reason)] = damaged.items()
    assert dictionary == "dictionary bbbbbbbb"
    assert "config.json is damaged (its checksum is wrong): train it again" in reason
