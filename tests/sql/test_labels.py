"""Labels: what they say on the small warehouse, that they are unique, and that every view has them beside its keys."""

from pathlib import Path

import duckdb
import pytest

from tasks.dictionary.methods import METHODS
from tasks.report.labels import DIMENSION_METHODS
from tasks.warehouse.database import create_schema, create_views, schema, sql_files
from tests.sample_tables import early_vision_tables, sample_tables

LABELLED = (
    *("activation_set", "dictionary", "family_analysis", "dimension_analysis", "unit_set", "concept"),
    *("concept_analysis", "attack_experiment", "facet_analysis", "trust_analysis", "benchmark"),
)
"""What has a key `…_id` and a label `…_label`, by the table macro `…_labels`."""
OTHER_NAMES = {
    **{"class_images": "concept", "facet": "concept", "target_facet": "concept"},
    "other_dictionary": "dictionary",
}
"""{name of a key in views: what it is a key of}, where the names differ."""
NOT_ALL_IN_TABLES = {("matching_features", "other_dictionary"), ("lineage", "dictionary")}
"""Views and keys that may be of something that no table has; its label is not one of the others'."""
WITHOUT_LABEL = {"image_id", "flow_run_id", "mlflow_run_id"}
"""Keys of what has a name of its own."""


@pytest.fixture
def small():
    with duckdb.connect() as connection:
        create_schema(connection)
        create_views(connection)
        connection.execute(Path(__file__).with_name("small_warehouse.sql").read_text())
        yield connection


@pytest.fixture(scope="module")
def sample():
    with duckdb.connect() as connection:
        create_schema(connection)
        create_views(connection)
        for tables in (sample_tables(), early_vision_tables()):
            for table in schema():
                if table in tables:
                    rows = tables[table].select(schema()[table].columns)
                    connection.from_arrow(rows.to_arrow()).insert_into(table)
        yield connection


def labels(connection, kind):
    """Return {key: label}."""
    return dict(connection.execute(f"SELECT {kind}_id, {kind}_label FROM {kind}_labels()").fetchall())


def columns_of(connection, view):
    return [name for name, *_ in connection.execute(f"FROM {view} LIMIT 0").description]


DICTIONARIES = {
    "sae": "net early · TopK SAE 2, k 1, seed 0",
    "cross": "net early · TopK group crosscoder 4, D2, k 2, seed 0",
}
SET = "net early · 10 orbits of D2, uniform sampling, seed 7"
SAID = {
    "activation_set": {"set": SET},
    "dictionary": DICTIONARIES,
    "family_analysis": {
        "kin": f"{DICTIONARIES['cross']} · families under D2",
        "turned": f"{DICTIONARIES['cross']} · families under C2",
        "plain": f"{DICTIONARIES['sae']} · families",
    },
    "dimension_analysis": {
        "axes": f"{SET} · PCA of neurons on patches, components 2, seed 0",
        "more dice": f"{SET} · Random basis of neurons on patches, components 3, seed 0",
        "part": f"{DICTIONARIES['sae']} · NMF of features on gratings, components 1, seed 0",
    },
    "unit_set": {
        "neurons": f"{SET} · neurons, stimuli every 90°",
        "features": f"{DICTIONARIES['sae']} · features, stimuli every 90°",
    },
    "concept": {
        "cats": "tabby · class, 4 images",
        "dotted": "dots · concept, 8 images",
        "pushed": "stripes · concept, attacked, 8 images",
        "striped": "stripes · concept, drawn, 8 images",
    },
    "concept_analysis": {"asked": "net early · TCAV of dots, stripes for collie, tabby · logistic CAVs, seed 0"},
    "attack_experiment": {
        "away": "net early · negative attack on stripes for tabby · logistic CAVs, seed 0",
        "to dogs": "net early · positive attack on dots for collie · logistic CAVs, seed 0",
    },
    "facet_analysis": {"unit": "net late · facets of late 2 at early, ε 4/255, seed 0"},
    "benchmark": {
        "probes": "benchmark on 40 images · 3 classes, patterns, seed 1",
        "photographs": "benchmark on 1,000 images · 2 classes, seed 0",
    },
    "trust_analysis": {
        "checks": "net early · tamper detection, 3 random sets",
        "more checks": "net early · tamper detection, 3 random sets, calibrated on 40 sets",
    },
}


@pytest.mark.parametrize("kind", LABELLED)
def test_a_label_says_what_tells_a_thing_apart(small, kind):
    said = labels(small, kind)
    assert {key: said[key] for key in SAID[kind]} == SAID[kind]


@pytest.mark.parametrize("kind", LABELLED)
def test_everything_with_a_key_has_one_label_of_its_own(sample, kind):
    [table] = [name for name, table in schema().items() if table.key == (f"{kind}_id",)]
    keys = {key for (key,) in sample.execute(f"SELECT {kind}_id FROM {table}").fetchall()}
    said = labels(sample, kind)
    assert keys
    assert said.keys() == keys
    assert len(set(said.values())) == len(keys)
    assert all(said.values())


def test_a_number_has_thousands_separators_and_a_penalty_its_weight(small):
    small.execute(
        "INSERT INTO activation_sets "
        "SELECT 'rows', network, layer, 'rotations', 1, false, NULL, NULL, 1, 12000, 'norm', 3, 0, 0, '{}' "
        "FROM activation_sets"
    )
    config = """{"sparsity": 0.00003, "library": "sae-lens"}"""
    small.execute(
        "INSERT INTO dictionaries VALUES"
        " ('relu', 'rows', 'sae', 'relu', 3840, 3, NULL, 1, NULL, NULL, 100, 1000, 7, 2.0, '{\"sparsity\": 1.0}'),"
        " ('imported', 'rows', 'sae', 'jumprelu', 16000, 3, NULL, 1, NULL, NULL, 0, 0, 0, 0, ?)",
        [config],
    )
    assert labels(small, "activation_set")["rows"] == "net early · 12,000 rows, norm sampling, seed 3"
    said = labels(small, "dictionary")
    assert said["relu"] == "net early · ReLU SAE 3,840, λ 1, norm sampling, seed 7"
    assert said["imported"] == "net early · JumpReLU SAE 16,000, λ 3e-05, norm sampling, imported from sae-lens"


def test_the_same_label_twice_gets_the_first_digits_of_both_keys(small):
    small.execute(
        "INSERT INTO dictionaries SELECT * REPLACE ('longer training' AS dictionary_id, 9000 AS steps)"
        " FROM dictionaries WHERE dictionary_id = 'sae'"
    )
    said = labels(small, "dictionary")
    assert said["sae"] == f"{DICTIONARIES['sae']} · sae"
    assert said["longer training"] == f"{DICTIONARIES['sae']} · longer t"
    assert said["cross"] == DICTIONARIES["cross"]
    assert labels(small, "family_analysis")["plain"] == f"{DICTIONARIES['sae']} · sae · families"


def test_many_concepts_are_counted(small):
    for number in range(3):
        small.execute("INSERT INTO concepts VALUES (?, ?, 'concept', 'folder', 8, 0)", [f"c{number}", f"more {number}"])
        small.execute(
            "INSERT INTO tcav_tests SELECT * REPLACE (? AS concept_id) FROM tcav_tests WHERE concept_id = 'dotted'",
            [f"c{number}"],
        )
    assert labels(small, "concept_analysis")["asked"] == (
        "net early · TCAV of 5 concepts for collie, tabby · logistic CAVs, seed 0"
    )


def test_methods_have_the_names_that_the_page_and_the_forms_give_them(small):
    names = {name: method.label for name, method in METHODS.items()}
    names |= {name: label for name, (label, *_) in DIMENSION_METHODS.items()}
    assert {name: small.execute("SELECT method_label(?)", [name]).fetchall()[0][0] for name in names} == names


@pytest.mark.parametrize("view", [file.stem for file in sql_files("views")])
def test_a_view_has_the_label_beside_each_key(sample, view):
    columns = columns_of(sample, view)
    for place, column in enumerate(columns):
        if not column.endswith("_id") or column in WITHOUT_LABEL:
            continue
        name = column.removesuffix("_id")
        assert columns[place + 1] == f"{name}_label"
        kind = OTHER_NAMES.get(name, name)
        pairs = sample.execute(f"SELECT DISTINCT {column}, {name}_label FROM {view}").fetchall()
        assert pairs
        said, known = {key: label for key, label in pairs if key is not None}, labels(sample, kind)
        if (view, name) in NOT_ALL_IN_TABLES:
            unknown = {said.pop(key) for key in said.keys() - known.keys()}
            assert unknown.isdisjoint(known.values())
        assert said.items() <= known.items()
        assert all(label is None for key, label in pairs if key is None)
