"""Staged frames are loaded in an order in which references hold."""

from itertools import permutations

from flows.publish import _in_order_of_reference

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
