"""Labels made before a load are those of the views after it."""

import duckdb
import pytest

from tasks.activations.extract import extract
from tasks.activations.plan import ExtractionConfig
from tasks.activations.shards import ActivationSet, activation_tables
from tasks.dictionary.analyse import analyse
from tasks.dictionary.config import DictionaryConfig
from tasks.dictionary.train import train
from tasks.staging import read_staged
from tasks.vision.images import ImagesConfig
from tasks.warehouse.database import create_schema, create_views, in_memory, schema
from tasks.warehouse.labels import dictionary_label, dictionary_labels, label_of
from tests.sample_tables import sample_tables
from tests.sample_tables.attacks import ATTACK_ANALYSIS
from tests.sample_tables.concepts import CONCEPT_ANALYSIS


@pytest.fixture
def activation_set(settings):
    images = ImagesConfig(sources=("dead-leaves",), scenes=6, frame_size=64)
    config = ExtractionConfig(
        network="gabor-bank-4x3x2x2", layer="gabor", images=images, n_rotations=4, orbits=40, sampling="norm"
    )
    return extract(config, settings)


SMALL = {"features": 12, "steps": 2, "batch_size": 8}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"k": 3}, "TopK group crosscoder 12, D4, k 3, norm sampling, seed 0"),
        (
            {"architecture": "sae", "method": "relu", "sparsity": 2e-5, "seed": 5},
            "ReLU SAE 12, λ 2e-05, norm sampling, seed 5",
        ),
    ],
)
def test_a_dictionary_has_the_label_of_the_views(activation_set, settings, config, said):
    dictionary = train(activation_set, DictionaryConfig(**SMALL, **config), settings)
    label = dictionary_label(dictionary, settings)
    assert label == f"gabor-bank-4x3x2x2 gabor · {said}"
    tables = activation_tables(ActivationSet.open(activation_set, settings))
    tables |= read_staged(analyse(dictionary, settings), settings)
    with duckdb.connect() as connection:
        create_schema(connection)
        create_views(connection)
        for table, description in schema().items():
            if table in tables:
                rows = tables[table].select(description.columns)
                connection.from_arrow(rows.to_arrow()).insert_into(table)
        found = connection.sql("SELECT dictionary_id, dictionary_label FROM dictionary_scores").fetchall()
    assert found == [(dictionary, label)]


def test_dictionaries_of_equal_labels_are_told_apart_by_their_keys(activation_set, settings):
    configs = [{"k": 3}, {"k": 3, "steps": 3}, {"k": 4}]
    first, longer, other = keys = [
        train(activation_set, DictionaryConfig(**SMALL | config), settings) for config in configs
    ]
    label = dictionary_label(first, settings)
    assert dictionary_labels(keys, settings) == {
        first: f"{label} · {first[:8]}",
        longer: f"{label} · {longer[:8]}",
        other: dictionary_label(other, settings),
    }
    assert dictionary_labels([], settings) == {}


def test_the_tables_of_an_analysis_are_enough_for_its_label():
    tables = sample_tables()
    attack = {name: tables[name] for name in ("attack_experiments", "concepts")}
    assert label_of("attack_experiment", ATTACK_ANALYSIS, attack) == (
        "efficientnet_lite0 blocks.5 · negative attack on stripes for zebra · logistic CAVs, seed 0"
    )
    concepts = {name: tables[name] for name in ("concept_analyses", "concepts", "tcav_tests")}
    assert label_of("concept_analysis", CONCEPT_ANALYSIS, concepts) == (
        "efficientnet_lite0 blocks.5 · TCAV of dots, stripes for zebra · logistic CAVs, seed 0"
    )


def test_tables_that_are_not_given_are_empty():
    with in_memory({"networks": sample_tables()["networks"]}) as connection:
        networks, layers = (
            connection.sql(f"SELECT count(*) FROM {name}").fetchall() for name in ("networks", "layers")
        )
    assert (networks, layers) == ([(len(sample_tables()["networks"]),)], [(0,)])
