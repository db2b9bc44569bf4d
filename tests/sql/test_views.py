"""Each view over a warehouse whose answers are known by heart, and its grain over the sample tables."""

from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np
import pytest
from scipy.stats import binomtest, norm, t

from tasks.warehouse.database import create_schema, create_views, schema, sql_files
from tests.sample_tables import sample_tables
from tests.sample_tables.attacks import PLANTED_FACETS
from tests.sample_tables.concepts import CONCEPT_ANALYSIS
from tests.sample_tables.dimensions import PCA_DIMENSIONS, PLANTED_DIMENSIONS, RENDERED
from tests.sample_tables.families import CROSSCODER_FAMILIES, PLANTED_FAMILIES, PLANTED_STIMULI, SAE_FAMILIES
from tests.sample_tables.planted import CROSSCODER, LOWER_LAYER, NETWORK, planted_orientation
from tests.sample_tables.polysemantic import planted_mixture
from tests.sample_tables.tuning import planted_detectors, planted_peak

GRAIN = {
    "activation_histogram": ["dictionary_id", "feature", "bin"],
    "activation_sets_overview": ["activation_set_id"],
    "attack_by_layer": [
        "attack_experiment_id",
        "perturbed_set",
        "attack",
        "epsilon",
        "fraction",
        "eval_network",
        "eval_layer",
    ],
    "attack_effect": ["attack_experiment_id", "perturbed_set", "attack", "epsilon", "fraction"],
    "attack_transfer": ["attack_experiment_id", "perturbed_set", "attack", "epsilon", "eval_network", "eval_layer"],
    "attacked_features": ["attack_experiment_id", "attack", "epsilon", "fraction", "dictionary_id", "statistic"],
    "benchmark": ["benchmark_id", "activation_set_id", "config_without_seed", "metric"],
    "block_scores": ["dictionary_id", "element"],
    "catalogue": ["name"],
    "classes_changed_by_ablation": ["dictionary_id", "feature", "direction", "rank"],
    "concept_importance": ["concept_analysis_id", "concept_id", "layer", "class_index"],
    "concept_trust": ["trust_analysis_id", "concept_id"],
    "curve_coverage": ["unit_set_id"],
    "curve_families": ["unit_set_id", "curve_family"],
    "curves_and_lines": ["family_analysis_id", "stimulus_type"],
    "data_quality": ["subject", "kind", "name"],
    "density_histogram": ["dictionary_id", "log10_density_from"],
    "dictionary_scores": ["dictionary_id"],
    "dimension_harmonic_purity": ["dimension_analysis_id", "dimension"],
    "equivariant_pairs": ["family_analysis_id", "feature", "partner"],
    "examples_by_quantile": ["dictionary_id", "feature", "quantile"],
    "extracted_images": ["activation_set_id", "image_id"],
    "facet_effect": ["facet_analysis_id", "facet_id", "attack", "target_facet_id"],
    "families": ["family_analysis_id", "family"],
    "family_members": ["family_analysis_id", "family", "feature"],
    "family_separation": ["family_analysis_id", "condition", "metric"],
    "feature_catalogue": ["dictionary_id", "feature"],
    "features_on_images": ["dictionary_id", "feature", "rank"],
    "harmonic_energy": ["dictionary_id", "type", "harmonic"],
    "image_use": ["image_id"],
    "incomplete_families": ["family_analysis_id", "family"],
    "matching_features": ["dictionary_id", "feature", "other_dictionary_id"],
    "lineage": ["kind", "result_id", "dictionary_id"],
    "lineage_by_table": ["table_name", "result_id", "load_key"],
    "mirror_symmetric_features": ["dictionary_id", "feature"],
    "missing_curve_detectors": ["dictionary_id", "feature"],
    "model_versions": ["model_name", "version", "mlflow_run_id"],
    "nearest_features": ["dictionary_id", "feature", "rank"],
    "neurons_of_features": ["dictionary_id", "feature", "rank"],
    "polysemantic_neurons": ["dictionary_id", "neuron"],
    "refused_images": ["activation_set_id", "name"],
    "runs_overview": ["flow_run_id"],
    "symmetry_types": ["dictionary_id", "type"],
    "training_progress": ["dictionary_id", "metric", "step"],
    "transform_block_profiles": ["dictionary_id", "feature", "element"],
    "trust_rates": ["network", "layer", "origin", "attack", "epsilon", "fraction"],
    "tuning_completeness": ["dimension_analysis_id", "dimensions"],
    "tuning_dimensions_found": ["dimension_analysis_id", "dimension"],
    "tuning_methods": ["activation_set_id", "dictionary_id", "source", "components", "method", "parameter"],
    "where_features_fire": ["dictionary_id", "feature", "rank"],
}


@pytest.fixture(scope="module")
def small():
    with duckdb.connect() as connection:
        create_schema(connection)
        create_views(connection)
        connection.execute(Path(__file__).with_name("small_warehouse.sql").read_text())
        yield connection


@pytest.fixture
def changing(small):
    """`small`, as it was again after the test."""
    small.begin()
    yield small
    small.rollback()


@pytest.fixture(scope="module")
def sample():
    with duckdb.connect() as connection:
        create_schema(connection)
        create_views(connection)
        for table in schema():
            if table in sample_tables():
                rows = sample_tables()[table].select(schema()[table].columns)
                connection.from_arrow(rows.to_arrow()).insert_into(table)
        yield connection


def rows(connection, sql):
    return connection.execute(sql).fetchall()


def about(*numbers):
    return pytest.approx(numbers)


def test_every_view_has_a_grain_and_a_test_of_its_answers():
    names = {file.stem for file in sql_files("views")}
    assert GRAIN.keys() == names
    assert {name for name in names if f"test_{name}" in globals()} == names


@pytest.mark.parametrize("view", sorted(GRAIN))
def test_a_view_has_one_row_per_grain_and_says_so(sample, view):
    keys = ", ".join(GRAIN[view])
    assert rows(sample, f"SELECT {keys} FROM {view} GROUP BY ALL HAVING count(*) > 1") == []
    assert rows(sample, f"SELECT count(*) > 0 FROM {view}") == [(True,)]
    ((comment,),) = rows(sample, f"SELECT comment FROM duckdb_views() WHERE view_name = '{view}'")
    assert comment.startswith("one row per ")


def test_catalogue(small):
    found = rows(small, "SELECT kind, comment, columns, rows FROM catalogue WHERE name IN ('shards', 'symmetry_types')")
    (view, table) = found
    assert table == (
        "table",
        "one row per (activation_set_id, shard): a file of activations",
        "activation_set_id, shard, split, orbits, bytes, sha256",
        3,
    )
    assert (view[0], view[3]) == ("view", None)
    assert view[2].startswith("dictionary_id, dictionary_label, network, layer, transformations, group_order, type")
    assert {name for (name,) in rows(small, "SELECT name FROM catalogue")} == schema().keys() | GRAIN.keys()


def test_feature_catalogue(small):
    columns = (
        "network, layer, architecture, method, dead, type, stabiliser, examples, example_images, top_image_name, "
        "nearest_feature"
    )
    assert rows(
        small, f"SELECT feature, {columns} FROM feature_catalogue WHERE dictionary_id = 'cross' ORDER BY 1"
    ) == [
        (0, "net", "early", "group-crosscoder", "topk", False, "period-360", "D_1", 3, 2, "two.png", 1),
        (1, "net", "early", "group-crosscoder", "topk", False, "invariant", "full", 0, 0, None, 0),
        (2, "net", "early", "group-crosscoder", "topk", False, "period-360", "trivial", 0, 0, None, 1),
        (3, "net", "early", "group-crosscoder", "topk", True, None, None, 0, 0, None, None),
    ]
    assert rows(small, f"SELECT feature, {columns} FROM feature_catalogue WHERE dictionary_id = 'sae' ORDER BY 1") == [
        (feature, "net", "early", "sae", "topk", False, None, None, 1, 1, "one.png", None) for feature in (0, 1)
    ]
    logs = rows(
        small,
        "SELECT log10_density FROM feature_catalogue "
        "WHERE dictionary_id = 'cross' AND feature IN (2, 3) ORDER BY feature",
    )
    assert logs == [(-2.0,), (None,)]


def test_tuning_tells_what_a_feature_answers_or_else_its_families(changing):
    answers = "SELECT stimulus_type, peak_degrees FROM feature_catalogue WHERE dictionary_id = 'cross' ORDER BY feature"
    assert rows(changing, answers) == [("grating", 84.0), ("colour", None), ("mixed", 10.0), (None, None)]
    changing.execute("DELETE FROM unit_tuning WHERE unit_set_id = 'cross features'")
    assert rows(changing, answers) == [("curve", None), ("centre-surround", None), ("curve", None), (None, None)]


def test_symmetry_types(small):
    found = rows(
        small, "SELECT type, period_degrees, features, share, mean_confidence, mean_mirror FROM symmetry_types"
    )
    assert [row[:3] for row in found] == [("period-360", 360.0, 2), ("invariant", None, 1)]
    assert [row[3:] for row in found] == [about(2 / 3, 0.7, 0.64), about(1 / 3, 0.8, 0.99)]


def test_transform_block_profiles(small):
    found = rows(
        small,
        "SELECT transform, rotation_degrees, mirrored, cosine_to_identity, norm_to_identity, type, layer "
        "FROM transform_block_profiles WHERE feature = 0 ORDER BY element",
    )
    assert found == [
        ("identity", 0, False, 1, 1, "period-360", "early"),
        ("rotated 180°", 180, False, -0.5, 0.5, "period-360", "early"),
        ("mirrored", 0, True, 0.2, 1, "period-360", "early"),
        ("mirrored, rotated 180°", 180, True, 0.98, 1, "period-360", "early"),
    ]
    empty_identity = rows(small, "SELECT DISTINCT norm_to_identity FROM transform_block_profiles WHERE feature = 2")
    assert empty_identity == [(None,)]


def test_dictionary_scores(small):
    columns = "fvu, l0, dead_fraction, cosine, evaluation_rows, stability, stability_random, stability_replicas"
    assert rows(small, f"SELECT dictionary_id, {columns} FROM dictionary_scores") == [
        ("sae", 0.2, 0.9, 0.0, 0.9, 8, None, None, None),
        ("cross", 0.3, 1.5, 0.25, 0.8, 8, pytest.approx(0.7), 0.1, 2),
    ]
    columns = "live_features, best_block_fvu, worst_block_fvu, rows_per_second, group_order, layer, orbits"
    assert rows(small, f"SELECT {columns} FROM dictionary_scores") == [
        (2, 0.2, 0.2, 500.0, 1, "early", 10),
        (3, 0.25, 0.45, 250.0, 4, "early", 10),
    ]


def test_a_stability_that_was_stored_before_schema_version_7_is_shown_where_no_newer_one_is(changing):
    old = ", ".join(f"('{name}', 'stability', 0.4), ('{name}', 'stability_random', 0.2)" for name in ("sae", "cross"))
    changing.execute(f"INSERT INTO dictionary_metrics VALUES {old}")
    columns = "stability, stability_random, stability_replicas"
    assert rows(changing, f"SELECT {columns} FROM dictionary_scores ORDER BY dictionary_id") == [
        (pytest.approx(0.7), 0.1, 2),
        (0.4, 0.2, None),
    ]


def test_a_share_of_spliced_images_has_their_number_and_its_interval(changing):
    changing.execute("INSERT INTO dictionary_metrics VALUES ('sae', 'top1_change', 0.5), ('sae', 'spliced_frames', 20)")
    columns = "spliced_images, top1_change, top1_change_low, top1_change_high"
    found = rows(changing, f"SELECT {columns} FROM dictionary_scores")
    assert found == [pytest.approx((20, 0.5, *wilson(0.5, 20)), abs=1e-6), (None, None, None, None)]


def test_block_scores(small):
    found = rows(
        small,
        "SELECT rotation_degrees, mirrored, fvu, fvu_above_identity "
        "FROM block_scores WHERE dictionary_id = 'cross' ORDER BY element",
    )
    assert [row[:2] for row in found] == [(0, False), (180, False), (0, True), (180, True)]
    assert [row[2:] for row in found] == [about(0.25, 0), about(0.3, 0.05), about(0.45, 0.2), about(0.35, 0.1)]


def test_benchmark(small):
    found = rows(
        small,
        "SELECT benchmark_id, method, metric, mean, seed_std, seeds, least_n, most_n, l0, dead_fraction FROM benchmark"
        " ORDER BY benchmark_id, metric, mean",
    )
    assert [row[:3] for row in found] == [
        ("photographs", "topk", "fvu"),
        ("probes", "relu", "fvu"),
        ("probes", "topk", "fvu"),
        ("probes", "topk", "localisation"),
    ]
    assert found[0][3:] == (0.25, None, 1, 2000, 2000, 0.8, 0.0)
    assert found[1][3:] == (0.1, None, 1, 80, 80, 0.5, 0.0)
    assert found[2][3:] == about(0.3, np.std([0.2, 0.4], ddof=1), 2, 80, 80, 1.0, 0.25)
    assert found[3][3:] == about(0.6, np.std([0.5, 0.7], ddof=1), 2, 1, 2, 1.0, 0.25)
    methods = [method for (method,) in rows(small, "SELECT method FROM benchmark WHERE benchmark_id = 'probes'")]
    assert methods == ["relu", "topk", "topk"]  # the better one first


def test_what_can_be_predicted_stands_beside_a_crosscoder(small):
    columns = "linear_prediction_fvu, nonlinear_prediction_fvu, generators_prediction_fvu"
    columns += ", orbit_linear_fvu, matching_pursuit_fvu"
    # weighted by the variance of the blocks; of two trainings the better one
    assert rows(small, f"SELECT {columns} FROM dictionary_scores ORDER BY dictionary_id") == [
        about((0 + 0.4 + 3 * 0.6 + 0.6) / 6, (0 + 0.3 + 3 * 0.5 + 0.6) / 6, (0 + 0.5 + 3 * 0.7 + 0.8) / 6, 0.3, 0.15),
        (None,) * 5,
    ]
    found = rows(small, f"SELECT {columns} FROM block_scores ORDER BY dictionary_id, element")
    assert [row[:3] for row in found] == [
        (0.0, 0.0, 0.0),
        (0.4, 0.3, 0.5),
        (0.6, 0.5, 0.7),
        (0.6, 0.6, 0.8),
        (None,) * 3,
    ]
    assert [row[3:] for row in found] == [(0.3, 0.2), (0.3, 0.1), (0.3, 0.2), (0.3, 0.1), (None, None)]


def test_density_histogram(small):
    found = rows(
        small, "SELECT dictionary_id, log10_density_from, log10_density_to, features, share FROM density_histogram"
    )
    assert [row[:4] for row in found] == [
        ("cross", -2.0, -1.5, 1),
        ("cross", -0.5, 0.0, 2),
        ("sae", -2.0, -1.5, 1),
        ("sae", -0.5, 0.0, 1),
    ]
    assert tuple(row[4] for row in found) == about(1 / 3, 2 / 3, 1 / 2, 1 / 2)


def test_harmonic_energy(small):
    found = rows(small, "SELECT type, harmonic, mean_energy, features FROM harmonic_energy")
    assert [(*row[:2], row[3]) for row in found] == [
        ("invariant", 0, 1),
        ("invariant", 1, 1),
        ("period-360", 0, 2),
        ("period-360", 1, 2),
    ]
    assert tuple(row[2] for row in found) == about(1, 0, 0.3, 0.7)


def test_mirror_symmetric_features(small):
    # the mirror itself leaves the vertical in place, the mirror turned by 180 degrees the horizontal
    found = rows(small, "SELECT feature, stabiliser, mirror, axis_degrees FROM mirror_symmetric_features")
    assert found == [(1, "full", 0.99, 0.0), (0, "D_1", 0.98, 0.0)]
    assert rows(small, "SELECT mirror_axes_degrees FROM mirror_symmetric_features WHERE feature = 1") == [
        ([0.0, 90.0],)
    ]


def test_the_mirror_axis_is_the_direction_a_curve_was_planted_with(sample):
    found = rows(sample, "SELECT feature, axis_degrees FROM mirror_symmetric_features WHERE stabiliser = 'D_1'")
    assert len(found) > 3
    assert dict(found) == {feature: pytest.approx(planted_orientation(feature) % 180) for feature, _ in found}


def test_nearest_features(small):
    found = rows(
        small,
        "SELECT feature, rank, neighbour, similarity, type, neighbour_type, neighbour_density, mutual "
        "FROM nearest_features ORDER BY feature, rank",
    )
    assert found == [
        (0, 1, 1, 0.9, "period-360", "invariant", 0.4, True),
        (0, 2, 2, 0.1, "period-360", "period-360", 0.01, False),
        (1, 1, 0, 0.9, "invariant", "period-360", 0.5, True),
        (2, 1, 1, 0.3, "period-360", "invariant", 0.4, False),
    ]


def test_training_progress(small):
    assert rows(small, "SELECT metric, step, progress, value, change, is_last FROM training_progress") == [
        ("fvu", 100, 1.0, 0.25, None, True),
        ("loss", 0, 0.0, 4.0, None, False),
        ("loss", 50, 0.5, 1.5, -2.5, False),
        ("loss", 100, 1.0, 1.0, -0.5, True),
    ]


def test_activation_sets_overview(small):
    columns = "orbits, rows, train_orbits, test_orbits, shards, bytes, refused_images, dictionaries, receptive_field"
    assert rows(small, f"SELECT {columns} FROM activation_sets_overview") == [(10, 40, 8, 2, 3, 1000, 3, 2, 7)]
    assert rows(small, "SELECT n_rotations, reflections, group_order FROM activation_sets_overview") == [(2, True, 4)]


def test_image_use(changing):
    assert rows(changing, "SELECT name, examples, top_examples, features FROM image_use") == [
        ("one.png", 4, 2, 3),
        ("two.png", 1, 1, 1),
        ("unused.png", 0, 0, 0),
    ]
    changing.execute("UPDATE images SET name = 'two.png@170+0+340' WHERE name = 'two.png'")
    assert rows(changing, "SELECT name, photograph FROM image_use")[1] == ("two.png@170+0+340", "two.png")


def test_curve_coverage(small):
    columns = "detectors, share_of_units, coverage, largest_gap, wide_gaps, missing_detectors"
    found = rows(small, f"SELECT kind, method, units, {columns} FROM curve_coverage")
    assert [row[:4] for row in found] == [
        ("neurons", None, 3, 2),
        ("features", "topk", 4, 0),
        ("features", "topk", 2, 2),
    ]
    assert [row[4:] for row in found] == [
        (pytest.approx(2 / 3), 0.5, 270.0, 2, None),
        (0.0, 0.0, 360.0, 1, 0),
        (1.0, 0.75, 240.0, 2, 1),
    ]


def test_missing_curve_detectors(small):
    columns = "feature, peak_degrees, inside_arc, nearest_neuron, nearest_degrees, natural_correlation, density"
    assert rows(small, f"SELECT dictionary_id, {columns} FROM missing_curve_detectors") == [
        ("sae", 1, 200.0, True, 1, 110.0, 0.75, 0.02)
    ]


def test_curve_families(small):
    columns = "kind, curve_family, members, coverage, largest_gap, mean_width, units, peaks"
    assert rows(small, f"SELECT {columns} FROM curve_families") == [
        ("neurons", "20 px, any", 2, 0.5, 270.0, 90.0, [0, 1], [0.0, 90.0]),
        ("features", "12 px, dark line", 1, 0.5, 360.0, 60.0, [1], [200.0]),
        ("features", "20 px, any", 1, 0.25, 360.0, 60.0, [0], [80.0]),
    ]


def test_the_detectors_are_seen_as_they_were_planted(sample):
    found = rows(sample, "SELECT kind, detectors, coverage, largest_gap, missing_detectors FROM curve_coverage")
    neurons, features = found
    # 117 degrees between the last and the first peak, of which each of the two covers 30
    assert neurons == ("neurons", 10, pytest.approx(1 - 57 / 360, abs=4 / 360), 117.0, None)
    assert features[:4] == ("features", len(planted_detectors("features")), 1.0, 36.0)
    missing = dict(rows(sample, "SELECT feature, peak_degrees FROM missing_curve_detectors"))
    assert missing == {feature: planted_peak(feature) for feature in (32, 36)}
    assert features[4] == len(missing)


def test_families(small):
    columns = "family_analysis_id, family, dictionary_id, layer, architecture, n_rotations, size, prototype, type"
    columns += ", period_degrees"
    assert rows(small, f"SELECT {columns} FROM families") == [
        ("kin", 0, "cross", "early", "group-crosscoder", 2, 2, 0, "period-360", 360.0),
        ("kin", 1, "cross", "early", "group-crosscoder", 2, 1, 1, "invariant", None),
        ("turned", 0, "cross", "early", "group-crosscoder", 2, 3, 0, "period-360", 360.0),
        ("plain", 0, "sae", "early", "sae", 1, 2, 1, None, None),
    ]
    columns = (
        "stimulus_type, purity, evenness, covered, missing_members, mean_similarity, verified_pairs, fired, chance"
    )
    assert rows(small, f"SELECT {columns} FROM families") == [
        ("curve", 1.0, 0.8, 0.75, 1, 0.9, 1, 0.75, 0.25),
        ("centre-surround", 1.0, None, None, None, 1.0, 0, None, None),
        ("curve", 2 / 3, 0.8, 0.75, 2, 0.8, 2, 0.25, 0.125),
        ("curve", 0.5, None, None, None, 0.7, 0, None, None),
    ]


def test_families_are_seen_as_they_were_planted(sample):
    columns = "type, stabiliser, size, prototype, stimulus_type"
    found = rows(sample, f"SELECT {columns} FROM families WHERE family_analysis_id = '{CROSSCODER_FAMILIES}'")
    assert found == [
        (kind, stabiliser, len(elements), next(iter(elements)), stimulus)
        for (kind, stabiliser, _, elements), stimulus in zip(PLANTED_FAMILIES, PLANTED_STIMULI, strict=True)
    ]
    found = rows(
        sample, f"SELECT size, type, evenness, fired FROM families WHERE family_analysis_id = '{SAE_FAMILIES}'"
    )
    assert found == [(8, None, None, None), (5, None, None, None)]


def test_family_members(small):
    columns = "feature, is_prototype, orientation_degrees, mirrored, similarity, strength, stimulus_type"
    found = rows(small, f"SELECT family_analysis_id, family, {columns} FROM family_members")
    assert found == [
        ("kin", 0, 0, True, 0.0, False, 1.0, 0.9, "curve"),
        ("kin", 0, 2, False, 180.0, True, 0.8, 0.7, "curve"),
        ("kin", 1, 1, True, None, False, 1.0, 1.0, "centre-surround"),
        ("turned", 0, 0, True, 0.0, False, 1.0, 1.0, "curve"),
        ("turned", 0, 1, False, 180.0, False, 0.7, 1.0, "centre-surround"),
        ("turned", 0, 2, False, 180.0, False, 0.7, 1.0, "curve"),
        ("plain", 0, 0, False, None, False, 0.4, 1.0, "line"),
        ("plain", 0, 1, True, None, False, 1.0, 1.0, "curve"),
    ]
    assert rows(small, "SELECT density, type, stabiliser FROM family_members WHERE family_analysis_id <> 'turned'") == [
        (0.5, "period-360", "D_1"),
        (0.01, "period-360", "trivial"),
        (0.4, "invariant", "full"),
        (0.5, None, None),
        (0.02, None, None),
    ]


def test_features_in_no_family_are_no_members(sample):
    found = {feature for (feature,) in rows(sample, "SELECT feature FROM family_members WHERE type IS NOT NULL")}
    assert found == {feature for _, _, _, elements in PLANTED_FAMILIES for feature in elements}


def test_incomplete_families(small):
    columns = "family_analysis_id, family, size, type, stimulus_type, covered, missing_members, missing_orientations"
    # both leave as much of the circle out, and the larger comes first
    assert rows(small, f"SELECT {columns} FROM incomplete_families") == [
        ("turned", 0, 3, "period-360", "curve", 0.75, 2, [90.0, 270.0]),
        ("kin", 0, 2, "period-360", "curve", 0.75, 1, [90.0]),
    ]


def test_family_separation(small):
    columns = "metric, family_analysis_id, condition, architecture, group_order, activation_set_id, least, most, seeds"
    found = rows(small, f"SELECT {columns} FROM family_separation")
    assert found == [
        ("adjusted_rand", "kin", "features", "group-crosscoder", 4, "set", 0.3, 0.3, 1),
        ("purity", "kin", "features", "group-crosscoder", 4, "set", 0.7, 0.9, 3),
        ("purity", "plain", "features", "sae", 1, "set", 0.5, 0.6, 2),
        ("purity", "kin", "shuffled blocks", "group-crosscoder", 4, "set", 0.4, 0.4, 1),
    ]
    alone, *several, control = rows(small, "SELECT mean, std FROM family_separation")
    assert (alone, control) == ((0.3, None), (0.4, None))
    assert several == [about(0.8, 0.1), about(0.55, 0.1 / 2**0.5)]


def test_equivariant_pairs(small):
    columns = "family, feature, partner, element, rotation_degrees, mirrored, examples, fired, chance, lift"
    assert rows(small, f"SELECT family_analysis_id, {columns} FROM equivariant_pairs ORDER BY ALL") == [
        ("kin", 0, 0, 2, 3, 180.0, True, 8, 0.75, 0.25, 3.0),
        ("kin", 0, 2, 0, 3, 180.0, True, 0, None, None, None),
        ("turned", 0, 0, 1, 1, 180.0, False, 8, 0.5, 0.25, 2.0),
        ("turned", 0, 1, 0, 1, 180.0, False, 8, 0.0, 0.0, None),
    ]


def test_curves_and_lines(small):
    columns = "family_analysis_id, stimulus_type, families, members, with_one_peak, with_two_peaks, mean_peaks"
    columns += ", mean_half_turn"
    assert rows(small, f"SELECT {columns} FROM curves_and_lines") == [
        ("kin", "curve", 1, 2, 1, 0, 1.0, -0.5),
        ("turned", "curve", 1, 3, 1, 0, 1.0, 0.5),
    ]


@pytest.mark.parametrize(
    ("profile", "kind", "peaks", "half_turn"),
    [
        ([1, 0.3, -0.1, 0.3, 0.8, 0.3, -0.1, 0.3], "period-180", 2, 0.8),
        ([1, 0.6, 0.7, 0.3, 0.1, 0.3, 0.7, 0.6], "period-360", 1, 0.1),  # ripples on the way down are no peaks
        ([1, 0, 1, 0, 1, 0, 1, 0], "period-90", 4, 1),
        ([1, 0.9, 0, 0, 0, 0, 0.9], "period-360", 1, None),
        ([1, 1, 1, 1], "mixed", 0, 1),
        ([1, 0.98, 0.99, 0.98], "invariant", 0, 0.99),
        ([1], "period-360", 0, None),
    ],
)
def test_a_peak_is_a_climb_above_half_the_height(changing, profile, kind, peaks, half_turn):
    changing.execute(
        "INSERT INTO family_shapes BY NAME SELECT 'turned' AS family_analysis_id, 1 AS family, 1 AS size, "
        "3 AS prototype, ? AS type, 1 AS mean_similarity, ? AS profile",
        [kind, profile],
    )
    changing.execute("INSERT INTO feature_families VALUES ('turned', 3, 1, 1, 0, 0, false, 1, 0, 0, 'line', 0.5)")
    found = rows(changing, "SELECT mean_peaks, mean_half_turn FROM curves_and_lines WHERE stimulus_type = 'line'")
    assert found == [(peaks, half_turn)]


def test_curves_and_lines_part_at_half_a_turn(sample):
    columns = "stimulus_type, families, members, with_one_peak, with_two_peaks, mean_half_turn > 0.5"
    assert rows(sample, f"SELECT {columns} FROM curves_and_lines") == [
        ("curve", 1, 9, 1, 0, False),
        ("edge", 1, 4, 1, 0, False),
        ("line", 1, 5, 0, 1, True),
    ]


def test_polysemantic_neurons(small):
    columns = "neuron, layer, types, mixture, features, shares, stimulus_types, peaks_degrees, rows_carried, top_rows"
    assert rows(small, f"SELECT {columns}, share, explained FROM polysemantic_neurons") == [
        (
            *(0, "early", 2, "50 % colour + 25 % grating", [1, 0], [0.5, 0.25], ["colour", "grating"], [None, 84.0]),
            *([30, 15], 50, 0.75, 0.8),
        )
    ]


def test_of_two_tunings_the_finer_tells_the_types(changing):
    changing.execute(
        "INSERT INTO unit_sets VALUES ('finer', 'net', 'early', 'features', 'cross', 'set', 4, 1000, 4);"
        "INSERT INTO unit_tuning SELECT 'finer', unit, 'grating', * EXCLUDE (unit_set_id, unit, stimulus_type) "
        "FROM unit_tuning WHERE unit_set_id = 'cross features'"
    )
    assert rows(changing, "FROM polysemantic_neurons") == []


def test_neurons_are_mixed_as_they_were_planted(sample):
    found = rows(sample, "SELECT neuron, features FROM polysemantic_neurons ORDER BY neuron")
    mixtures = {neuron: list(planted_mixture(neuron)) for neuron in range(0, 40, 2)}
    assert dict(found) == {neuron: features for neuron, features in mixtures.items() if len(features) == 2}


def test_tuning_dimensions_found(small):
    columns = "dimension_analysis_id, dimension, method, source, follows, r_squared, null_r_squared, p_value, preferred"
    columns += ", assigned"
    found = rows(small, f"SELECT {columns} FROM tuning_dimensions_found WHERE method <> 'random'")
    assert found == [
        ("units", 0, "neurons", "patches", "orientation", 0.25, 0.3, 0.2, 45.0, "orientation"),
        ("units", 1, "neurons", "patches", "frequency", 0.9, 0.25, 0.01, None, "frequency"),
        ("axes", 0, "pca", "patches", "orientation", 0.9, 0.3, 0.01, 45.0, "orientation"),
        ("axes", 1, "pca", "patches", "frequency", 0.6, 0.25, 0.02, None, "frequency"),
        ("axes again", 0, "pca", "patches", "orientation", 0.7, 0.3, 0.04, 45.0, "orientation"),
        # follows orientation more closely than the one that it is assigned
        ("axes again", 1, "pca", "patches", "orientation", 0.8, 0.3, 0.02, 10.0, "frequency"),
        ("part", 0, "nmf", "gratings", "orientation", 0.5, 0.3, 0.01, 30.0, "orientation"),
    ]
    columns = "dimension, explained_variance, cumulative_variance, path_spearman, path_drift, path_other_drift"
    of = f"SELECT {columns} FROM tuning_dimensions_found WHERE dimension_analysis_id"
    assert rows(small, f"{of} = 'axes'") == [(0, 0.5, 0.5, 0.75, 0.8, 0.2), (1, 0.25, 0.75, 0.5, 0.4, 0.6)]
    assert rows(small, f"{of} = 'part'") == [(0, 0.875, 0.875, None, None, None)]
    # the last was rendered and is nobody's; the others have no scores
    assert rows(small, f"{of} = 'more dice'")[2] == (2, 0, 1, None, None, 0.35)
    unscored = rows(small, "SELECT follows, assigned FROM tuning_dimensions_found WHERE method = 'random'")
    assert unscored == [(None, None)] * 6 + [("frequency", None)]
    assert rows(small, "SELECT DISTINCT network, layer, activation_set_id FROM tuning_dimensions_found") == [
        ("net", "early", "set")
    ]


def test_tuning_completeness(small):
    columns = "dimension_analysis_id, dimensions, variance, neurons_variance, random_variance, frames"
    assert rows(small, f"SELECT {columns} FROM tuning_completeness WHERE method IN ('pca', 'nmf')") == [
        ("axes", 1, 0.5, 0.375, 0.25, 8),
        ("axes", 2, 0.75, 0.625, 0.375, None),
        ("axes again", 1, 0.5, 0.375, 0.25, 4),
        ("axes again", 2, 0.625, 0.625, 0.375, None),
        ("part", 1, 0.875, None, None, None),
    ]
    measured = "agreement_kept", "agreement_removed", "accuracy_kept", "accuracy_removed"
    columns = ", ".join(f"{name}, neurons_{name}, random_{name}" for name in measured)
    assert rows(
        small, f"SELECT accuracy_clean, {columns} FROM tuning_completeness WHERE dimension_analysis_id = 'axes'"
    ) == [
        (1, *(0.5, 0.25, 0.25), *(0.75, 0.875, 0.75), *(0.5, 0.25, 0.25), *(0.75, 1, 0.75)),
        (None,) * 13,
    ]
    # its controls saw other frames
    assert rows(
        small, f"SELECT accuracy_clean, {columns} FROM tuning_completeness WHERE dimension_analysis_id = 'axes again'"
    )[0] == (None, *(0.5, None, None), *(0.5, None, None), *(None, None, None), *(None, None, None))


def test_the_best_of_more_controls_are_compared_with_as_many_dimensions(small):
    found = rows(small, "SELECT random_variance, random_agreement_kept FROM tuning_completeness WHERE components = 3")
    assert found == [(0.875, 1), (1, None), (1, None)]


def test_tuning_methods(small):
    columns = "dictionary_id, source, components, parameter, method, p_value, null_r_squared, path_spearman, seeds"
    found = rows(small, f"SELECT {columns} FROM tuning_methods")
    assert found == [
        (None, "patches", 2, "frequency", "neurons", 0.01, 0.25, None, 1),
        (None, "patches", 2, "frequency", "pca", 0.02, 0.25, 0.5, 2),
        (None, "patches", 2, "orientation", "pca", 0.04, 0.3, 0.5, 2),
        (None, "patches", 2, "orientation", "neurons", 0.2, 0.3, None, 1),
        (None, "patches", 3, "frequency", "random", None, 0.25, None, 1),
        (None, "patches", 3, "orientation", "random", None, 0.3, None, 1),
        ("sae", "gratings", 1, "frequency", "nmf", None, 0.25, None, 1),
        ("sae", "gratings", 1, "orientation", "nmf", 0.01, 0.3, None, 1),
    ]
    found = rows(small, "SELECT best_r_squared, r_squared, std FROM tuning_methods WHERE components = 2")
    assert found == [
        (0.9, 0.9, None),
        (0.6, 0.6, 0),
        about(0.85, 0.8, 0.2 / 2**0.5),
        (0.25, 0.25, None),
    ]


def test_dimension_harmonic_purity(small):
    columns = "dimension_analysis_id, dimension, group_order, irrep, waves_per_turn, share, neurons_share, random_share"
    assert rows(small, f"SELECT {columns} FROM dimension_harmonic_purity") == [
        ("units", 0, 4, "A1", 0, 0.5, 0.625, 0.5),
        ("units", 1, 4, "A2", 0, 0.75, 0.625, 0.5),
        ("axes", 0, 4, "B", 1, 0.75, 0.625, 0.5),
        ("axes", 1, 4, "A1", 0, 0.6, 0.625, 0.5),
        ("dice", 0, 4, "A1", 0, 0.5, 0.625, 0.5),
        ("part", 0, 4, "A1", 0, 0.875, None, None),
    ]


def test_dimensions_are_seen_as_they_were_planted(sample):
    columns = "follows, r_squared, assigned, path_spearman"
    found = rows(
        sample, f"SELECT {columns} FROM tuning_dimensions_found WHERE dimension_analysis_id = '{PCA_DIMENSIONS}'"
    )
    assert found == [
        (parameter, closeness, parameter, 0.9 if dimension in RENDERED else None)
        for dimension, (parameter, closeness, _) in enumerate(PLANTED_DIMENSIONS)
    ]
    found = rows(
        sample, f"SELECT irrep, share FROM dimension_harmonic_purity WHERE dimension_analysis_id = '{PCA_DIMENSIONS}'"
    )
    assert found == [(irrep, 0.9) for *_, irrep in PLANTED_DIMENSIONS]
    methods = rows(
        sample, "SELECT method FROM tuning_methods WHERE parameter = 'orientation' AND dictionary_id IS NULL"
    )
    assert methods == [("pca",), ("neurons",), ("random",)]


def test_concept_importance(small):
    columns = "class_name, concept_name, concept_origin, score, random_score, p_holm, verdict"
    assert rows(small, f"SELECT {columns} FROM concept_importance") == [
        ("collie", "stripes", "drawn", 0.95, 0.5, 0.05, "no evidence"),
        ("collie", "stripes", "attacked", 0.5, 0.5, 1, "no evidence"),
        ("tabby", "stripes", "drawn", 0.75, 0.5, 0.004, "matters"),
        ("tabby", "dots", "folder", 0.1, 0.5, 0.006, "speaks against"),
    ]
    columns = "network, layer, classifier, pool, concept_id, class_images_id, class_index, random_sets, score_std"
    columns += ", random_score_std, magnitude, accuracy, agreement, p_value, class_images, class_photographs"
    assert rows(small, f"SELECT {columns} FROM concept_importance WHERE concept_analysis_id = 'asked'")[3] == (
        *("net", "early", "logistic", "mean", "dotted", "cats", 1, 10, 0.2, 0.2),
        *(0.2, 0.8, 0.6, 0.002, 4, 2),
    )
    assert rows(small, "SELECT low, high FROM concept_importance") == [
        pytest.approx(score_interval(0.95, 0.2, 4, 4), abs=1e-3),
        pytest.approx(score_interval(0.5, 0, 4, 4), abs=1e-5),  # random sets alone would give an interval of no width
        pytest.approx(score_interval(0.75, 0.1, 10, 2), abs=1e-5),
        pytest.approx(score_interval(0.1, 0.2, 10, 2), abs=1e-5),
    ]


def wilson(share: float, n: int) -> np.ndarray:
    """Ends of Wilson's interval: where a share p differs from the measured one by 1.96 standard errors of p."""
    z = norm.ppf(0.975)
    return np.sort(np.roots([1 + z**2 / n, -(2 * share + z**2 / n), share**2]).real)


def score_interval(score: float, std: float, random_sets: int, photographs: int) -> list[float]:
    """Ends of a TCAV score's interval: over random sets, and over photographs, which are independent."""
    over_sets = t.ppf([0.025, 0.975], random_sets - 1) * std / random_sets**0.5
    distance = np.hypot(over_sets, wilson(score, photographs) - score)
    return [max(0, score - distance[0]), min(1, score + distance[1])]


@pytest.mark.parametrize(("times", "n"), [(0, 1), (1, 1), (3, 8), (40, 40), (0, 20)])
def test_the_interval_of_a_share_is_wilsons(small, times, n):
    [found] = rows(small, f"SELECT wilson_low({times} / {n}, {n}), wilson_high({times} / {n}, {n})")
    interval = binomtest(times, n).proportion_ci(method="wilson")
    assert found == pytest.approx((interval.low, interval.high), abs=1e-6)


@pytest.mark.parametrize(("random_sets", "within"), [(3, 0.01), (4, 0.002), (10, 1e-4), (30, 1e-4), (500, 1e-4)])
def test_the_interval_of_a_score_is_students(small, random_sets, within):
    """With so many photographs that they make no difference, only the random sets vary."""
    ends = ", ".join(f"tcav_{end}(0.5, 0.01, {random_sets}, 1e15)" for end in ("low", "high"))
    [(low, high)] = rows(small, f"SELECT {ends}")
    expected = t.interval(0.95, random_sets - 1, loc=0.5, scale=0.01 / random_sets**0.5)
    assert (low - 0.5, high - 0.5) == pytest.approx((expected[0] - 0.5, expected[1] - 0.5), rel=within)


def test_concepts_are_seen_as_they_were_planted(sample):
    columns = "concept_name, class_name, round(score, 2), verdict"
    found = rows(sample, f"SELECT {columns} FROM concept_importance WHERE concept_analysis_id = '{CONCEPT_ANALYSIS}'")
    assert found == [("stripes", "zebra", 0.93, "matters"), ("dots", "zebra", 0.47, "no evidence")]


def test_attack_by_layer(small):
    columns = "class_name, attack, fraction, eval_network, eval_layer, attacked_here, score, clean_score, noise_score"
    assert rows(small, f"SELECT {columns} FROM attack_by_layer WHERE class_name = 'tabby'") == [
        ("tabby", "clean", 0, "net", "early", True, 0.75, 0.75, None),
        ("tabby", "noise", 0.5, "net", "early", True, 0.75, 0.75, 0.75),
        ("tabby", "token-pushing", 0.5, "net", "early", True, 0.7, 0.75, 0.75),
        ("tabby", "noise", 1, "net", "early", True, 0.8, 0.75, 0.8),
        ("tabby", "token-pushing", 1, "net", "early", True, 0.25, 0.75, 0.8),
        ("tabby", "clean", 0, "net", "late", False, 0.9, 0.9, None),
        ("tabby", "token-pushing", 1, "net", "late", False, 0.6, 0.9, None),
        ("tabby", "clean", 0, "other", "mid", False, 0.5, 0.5, None),
        ("tabby", "token-pushing", 1, "other", "mid", False, 0.5, 0.5, None),
    ]
    columns = (
        "network, layer, kind, concept_name, perturbed_set, epsilon, score_std, random_score, p_holm, accuracy, cosine"
    )
    assert rows(small, f"SELECT {columns} FROM attack_by_layer WHERE class_name = 'collie'")[1] == (
        *("net", "early", "positive", "dots", "concept", 4, 0.2, 0.5, 0.003, 0.9, -0.2),
    )
    columns = "low, high, class_images, class_photographs"
    assert rows(small, f"SELECT {columns} FROM attack_by_layer WHERE score = 0.25") == [
        pytest.approx((*score_interval(0.25, 0.1, 10, 2), 4, 2), abs=1e-5)
    ]


def test_attack_effect(small):
    columns = "class_name, attack, fraction, score, verdict, clean_verdict, noise_verdict, verdict_flipped"
    assert rows(small, f"SELECT {columns} FROM attack_effect") == [
        ("tabby", "clean", 0, 0.75, "matters", "matters", None, False),
        ("tabby", "noise", 0.5, 0.75, "matters", "matters", "matters", False),
        ("tabby", "token-pushing", 0.5, 0.7, "matters", "matters", "matters", False),
        ("tabby", "noise", 1, 0.8, "matters", "matters", "matters", False),
        ("tabby", "token-pushing", 1, 0.25, "speaks against", "matters", "matters", True),
        ("collie", "clean", 0, 0.1, "speaks against", "speaks against", None, False),
        ("collie", "class-gradient", 1, 0.95, "matters", "speaks against", "matters", True),
        ("collie", "noise", 1, 0.9, "matters", "speaks against", "matters", True),
    ]
    columns = "images, changed, psnr, perceptual"
    assert rows(small, f"SELECT {columns} FROM attack_effect")[:3] == [
        (8, 0, None, 0),
        (8, 4, 30.5, 0.1),
        (8, 4, 34, 0.2),
    ]


def test_attack_transfer(small):
    columns = "attack, fraction, eval_network, eval_layer, attacked_here, verdict, clean_verdict, verdict_flipped"
    assert rows(small, f"SELECT {columns} FROM attack_transfer WHERE class_name = 'tabby' AND attack <> 'noise'") == [
        ("clean", 0, "net", "early", True, "matters", "matters", False),
        ("clean", 0, "net", "late", False, "matters", "matters", False),
        ("clean", 0, "other", "mid", False, "no evidence", "no evidence", False),
        ("token-pushing", 1, "net", "early", True, "speaks against", "matters", True),
        ("token-pushing", 1, "net", "late", False, "no evidence", "matters", True),
        ("token-pushing", 1, "other", "mid", False, "no evidence", "no evidence", False),
    ]


def test_attacked_features(small):
    columns = "attack, attacked_layer, network, layer, method, statistic, value, clean_value, random_mean, flagged"
    assert rows(small, f"SELECT {columns}, clean_flagged, auc FROM attacked_features") == [
        ("clean", "early", "net", "early", "topk", "fvu", 0.2, 0.2, 0.2, 0.125, 0.125, 0.5),
        ("token-pushing", "early", "net", "early", "topk", "fvu", 0.3, 0.2, 0.2, 0, 0.125, 0.6),
        ("clean", "early", "net", "early", "topk", "rare", 0.125, 0.125, 0.1, 0.25, 0.25, 0.5),
        ("token-pushing", "early", "net", "early", "topk", "rare", 0.5, 0.125, 0.1, 0.875, 0.25, 0.9),
    ]


def test_facet_effect(small):
    columns = "facet_name, attack, target_name, epsilon, accuracy, cosine, logit, plain_logit, clean_logit, noise_logit"
    assert rows(small, f"SELECT {columns}, target_logit, clean_target_logit FROM facet_effect") == [
        ("dots", "clean", None, 0, 0.8, 1, 4, 0.25, 4, None, None, None),
        ("stripes", "clean", None, 0, 0.9, 1, 3, 0.5, 3, 2.5, None, None),
        ("stripes", "noise", None, 4, 0.9, 0.95, 2.5, 0.5, 3, 2.5, None, None),
        ("stripes", "negative", None, 4, 1, -0.25, 1, 0.5, 3, 2.5, None, None),
        ("stripes", "positive", "dots", 4, 1, -0.5, -3, 0.5, 3, 2.5, 2, -1),
    ]
    columns = "network, layer, unit, unit_name, facet_layer, target_facet_id"
    assert rows(small, f"SELECT {columns} FROM facet_effect")[4] == ("net", "late", 2, "late 2", "early", "dotted")


def test_concept_trust(small):
    columns = "trust_analysis_id, concept_name, origin, attack, epsilon, fraction, verdict, reasons"
    assert rows(small, f"SELECT {columns} FROM concept_trust") == [
        ("checks", "dots", "folder", None, None, None, "trusted", []),
        ("checks", "stripes", "folder", None, None, None, "trusted", []),
        ("checks", "stripes", "drawn", None, None, None, "trusted", []),
        (
            *("checks", "stripes", "attacked", "cav", 16, 1, "not trusted"),
            ["CAV shift after JPEG 0.375 > 0.052", "colour grain 1.5 > 0.34"],
        ),
        ("checks", "stripes-noise-8-1", "attacked", "noise", 8, 1, "not trusted", ["colour grain 1.75 > 0.34"]),
        ("more checks", "dots", "folder", None, None, None, "not trusted", ["split-half disagreement 0.312 > 0.3"]),
    ]
    columns = "network, layer, concept_id, exemplars, cav_shift_after_jpeg, split_half_disagreement, colour_grain"
    assert rows(small, f"SELECT {columns} FROM concept_trust")[3] == ("net", "early", "pushed", 8, 0.375, 0.25, 1.5)


def test_trust_rates(small):
    assert rows(small, "SELECT * EXCLUDE (low, high) FROM trust_rates") == [
        ("net", "early", "drawn", None, None, None, 1, 0),
        ("net", "early", "folder", None, None, None, 3, pytest.approx(1 / 3)),
        ("net", "early", "attacked", "cav", 16, 1, 1, 1),
        ("net", "early", "attacked", "noise", 8, 1, 1, 1),
    ]
    intervals = [wilson(share, sets) for share, sets in ((0, 1), (1 / 3, 3), (1, 1), (1, 1))]
    np.testing.assert_allclose(rows(small, "SELECT low, high FROM trust_rates"), intervals, atol=1e-6)


def test_attacks_are_seen_as_they_were_planted(sample):
    turned = "SELECT attack, epsilon, fraction, verdict FROM attack_effect WHERE verdict_flipped"
    assert rows(sample, turned) == [
        ("cav", 8, 1, "speaks against"),
        ("token-pushing", 8, 1, "no evidence"),
        ("random-set", 8, 1, "no evidence"),
    ]
    carried = "SELECT attack, eval_network, eval_layer FROM attack_transfer WHERE verdict_flipped AND NOT attacked_here"
    assert rows(sample, carried) == [("token-pushing", NETWORK, LOWER_LAYER)]
    accused = "SELECT concept_name, reasons FROM concept_trust WHERE origin <> 'attacked' AND verdict = 'not trusted'"
    assert rows(sample, accused) == [("dots", ["split-half disagreement 0.31 > 0.3"])]
    shown = "SELECT attack, logit, target_logit FROM facet_effect WHERE facet_name = 'stripes'"
    assert rows(sample, shown) == [
        (attack, own, others if attack == "positive" else None) for attack, (_, own, others) in PLANTED_FACETS.items()
    ]


def test_runs_overview(small):
    assert rows(small, "SELECT flow_run_id, ended_at, minutes, peak_memory_gib FROM runs_overview") == [
        ("second", datetime(2025, 1, 2, 10, 0, 30), 0.5, 0.5),
        ("first", datetime(2025, 1, 1, 10, 1, 30), 1.5, 1.0),
    ]
    assert rows(small, "SELECT flow_run_id, results, made FROM runs_overview") == [
        (
            "second",
            2,
            [
                "dictionary net early · TopK SAE 2, k 1, seed 0",
                "scores benchmark on 40 images · 3 classes, patterns, seed 1 of net early · TopK SAE 2, k 1, seed 0",
            ],
        ),
        (
            "first",
            2,
            [
                "activation set net early · 10 orbits of D2, uniform sampling, seed 7",
                "scores benchmark on 1,000 images · 2 classes, seed 0 of net early · TopK SAE 2, k 1, seed 0",
            ],
        ),
    ]


def test_lineage(small):
    columns = "kind, network, layer, activation_set_id, dictionary_id, images, image_sources"
    found = rows(small, f"SELECT result_id, {columns} FROM lineage")
    by_id = {row[0]: row[1:] for row in found}
    of_set = ("set", None, 2, ["folder"])
    assert by_id["set"] == ("activation set", "net", "early", *of_set)
    assert by_id["sae"] == ("dictionary", "net", "early", "set", "sae", 2, ["folder"])
    assert by_id["features"] == ("unit set", "net", "early", "set", "sae", 2, ["folder"])
    assert by_id["neurons"] == ("unit set", "net", "early", *of_set)
    assert by_id["kin"] == ("family analysis", "net", "early", "set", "cross", 2, ["folder"])
    assert by_id["part"] == ("dimension analysis", "net", "early", "set", "sae", 2, ["folder"])
    # stripes, dots, pushed stripes, four cats and as many dogs
    images = rows(
        small, "SELECT sum(exemplars) FROM concepts WHERE concept_id IN ('striped', 'dotted', 'pushed', 'cats', 'dogs')"
    )
    assert by_id["asked"] == (
        "concept analysis", "net", "early", None, None, images[0][0], ["attacked", "drawn", "folder"],
    )  # fmt: skip
    assert by_id["unit"][:5] == ("facet analysis", "net", "late", None, None)
    assert by_id["away"][:3] == ("attack experiment", "net", "early")
    assert by_id["checks"][:3] == ("trust analysis", "net", "early")


def test_lineage_names_the_runs_of_prefect_and_mlflow_and_the_code(small):
    columns = "flow_run_id, flow, started_at, git_revision, made_at"
    found = {row[0]: row[1:] for row in rows(small, f"SELECT result_id, {columns} FROM lineage")}
    assert found["set"] == ("first", "extract", datetime(2025, 1, 1, 10), "abc", datetime(2025, 1, 1, 10, 1))
    assert found["sae"] == ("second", "atlas", datetime(2025, 1, 2, 10), None, datetime(2025, 1, 2, 10, 0, 10))
    assert found["checks"] == (None, None, None, "abc", datetime(2025, 1, 3, 11))
    assert found["cross"] == (None,) * 5, "older versions did not record it"
    columns = "mlflow_run_id, mlflow_experiment, model_name, model_versions"
    found = {row[0]: row[1:] for row in rows(small, f"SELECT result_id, {columns} FROM lineage")}
    assert found["sae"] == ("m2", "net/early", "topk-sae", [1]), "the store was lost, and the last run counts"
    assert found["asked"] == ("m3", "net/concepts", "logistic-cav", [1, 2])
    assert found["cross"] == (None,) * 4


def test_an_attack_and_the_tamper_detection_on_its_sets_have_one_key_and_two_rows(changing):
    changing.execute("INSERT INTO trust_analyses VALUES ('away', 'net', 'early', 3, 0)")
    changing.execute("INSERT INTO trust_checks VALUES ('away', 'striped', 'colour grain', 0.2, 0.34, true)")
    changing.execute("INSERT INTO mlflow_runs VALUES ('m9', 'attack_study', 'away', 'net/attacks', '2025-01-05')")
    for table in ("trust_analyses", "attack_experiments"):
        made = [table, table, "away", "tables", "second", "abc", "2025-01-05"]
        changing.execute("INSERT INTO provenance VALUES (?, ?, ?, ?, ?, ?, ?)", made)
    columns = "kind, result_label, images, flow, mlflow_run_id"
    attack, trust = rows(changing, f"SELECT {columns} FROM lineage WHERE result_id = 'away' ORDER BY kind")
    assert attack == ("attack experiment", "net early · negative attack on stripes for tabby · logistic CAVs, seed 0",
                      12, "atlas", "m9")  # fmt: skip
    assert (trust[0], *trust[2:]) == ("trust analysis", 8, "atlas", None)
    assert trust[1].startswith("net early · tamper detection, 3 random sets")
    by_table = rows(changing, "SELECT table_name, result_label FROM lineage_by_table WHERE result_id = 'away'")
    assert dict(by_table) == {"attack_experiments": attack[1], "trust_analyses": trust[1]}


def test_a_score_is_one_join_from_its_dictionary_its_runs_and_the_code(small):
    scores = "SELECT benchmark_id, s.dictionary_id FROM benchmark_scores AS s WHERE metric = 'fvu'"
    joined = f"({scores}) AS s JOIN lineage AS l ON l.result_id = s.benchmark_id AND l.dictionary_id = s.dictionary_id"
    columns = "s.benchmark_id, s.dictionary_id, l.activation_set_id"
    columns += ", flow_run_id, git_revision, mlflow_run_id, mlflow_experiment"
    assert rows(small, f"SELECT {columns} FROM {joined} WHERE kind = 'scores' ORDER BY ALL") == [
        ("photographs", "sae", "set", "first", "def", None, None),
        ("probes", "sae", "set", "second", "abc", "m4", "net/early/benchmark"),
        ("probes", "sae again", "set", None, None, None, None),
        ("probes", "sparser", "set", "failed", "def", None, None),
    ]
    labels = dict(rows(small, "SELECT dictionary_id, dictionary_label FROM lineage WHERE result_id = 'probes'"))
    assert labels == {
        "sae": "net early · TopK SAE 2, k 1, seed 0",  # as in `dictionaries`
        "sae again": "net early · TopK SAE 2, seed 1",
        "sparser": "net early · ReLU SAE 2, seed 0",
    }
    by_table = "SELECT result_label, flow_run_id FROM lineage_by_table WHERE table_name = 'benchmarked_dictionaries'"
    assert ("net early · ReLU SAE 2, seed 0", "failed") in rows(small, by_table)


def test_a_feature_is_one_join_from_where_it_comes_from(small):
    joined = "FROM feature_catalogue AS f JOIN lineage AS l ON l.result_id = f.dictionary_id AND l.kind = 'dictionary'"
    found = rows(
        small, f"SELECT f.feature, l.activation_set_id, l.flow_run_id, l.mlflow_run_id {joined} WHERE f.type IS NULL"
    )
    assert (0, "set", "second", "m2") in found


def test_lineage_by_table(small):
    columns = "table_name, flow_run_id, flow, git_revision, load_key, loaded_at"
    of_dictionary = "result_id = 'sae' AND result_table = 'dictionaries'"
    assert rows(small, f"SELECT {columns} FROM lineage_by_table WHERE {of_dictionary}") == [
        ("dictionaries", "second", "atlas", None, "sae tables", datetime(2025, 1, 2, 12)),
        ("features", "second", "atlas", None, "sae tables", None),
        ("dictionary_metrics", "failed", None, "def", "scores", None),
    ]


def test_model_versions(small):
    columns = "model_uri, result_id, concept_id, network, layer, mlflow_run_id, flow_run_id"
    assert rows(small, f"SELECT {columns} FROM model_versions") == [
        ("models:/logistic-cav/1", "asked", "striped", "net", "early", "m3", None),
        ("models:/logistic-cav/2", "asked", "dotted", "net", "early", "m3", None),
        ("models:/topk-sae/1", "sae", None, "net", "early", "m2", "second"),
        ("models:/topk-sae/7", "sae", None, "net", "early", "m1", "second"),
    ]


def test_extracted_images(small):
    assert rows(small, "SELECT activation_set_id, name, source, label, split, orbits FROM extracted_images") == [
        ("set", "one.png", "folder", "zebra", "train", 8),
        ("set", "two.png", "folder", None, "test", 2),
    ]


def test_refused_images(small):
    assert rows(small, "SELECT activation_set_id, name, reason FROM refused_images") == [
        ("set", "c.txt", "not an image"),
        ("set", "a.jpg", "truncated"),
        ("set", "b.jpg", "truncated"),
    ]


def test_features_on_images(small):
    columns = "image_name, dictionary_id, feature, type, rank, activation, share_of_maximum, element"
    assert rows(small, f"SELECT {columns} FROM features_on_images") == [
        ("one.png", "sae", 0, None, 1, 3.0, 1.0, 0),
        ("one.png", "sae", 1, None, 1, 4.0, 1.0, 0),
        ("one.png", "cross", 0, "period-360", 2, 2.0, pytest.approx(2 / 3), 3),
        ("one.png", "cross", 0, "period-360", 3, 1.0, pytest.approx(1 / 3), 1),
        ("two.png", "cross", 0, "period-360", 1, 3.0, 1.0, 0),
    ]


def test_data_quality(small):
    assert rows(small, "SELECT subject, name, kind, passed, count, detail FROM data_quality") == [
        ("audit", "newer", "great-expectations", False, 2, "[1]"),
        ("audit", "new", "sql", True, 0, ""),
        ("quarantine", "not an image", "refused images", None, 1, "for example c.txt"),
        ("quarantine", "truncated", "refused images", None, 2, "for example a.jpg"),
    ]


def test_the_sample_is_seen_as_it_was_planted(sample):
    found = dict(rows(sample, f"SELECT type, features FROM symmetry_types WHERE dictionary_id = '{CROSSCODER}'"))
    counted = sample_tables()["feature_symmetry"]["type"].value_counts()
    assert found == dict(counted.iter_rows())


def test_activation_histogram(small):
    columns = "bin, lower, rows, share, cumulative_share, density, max_activation"
    found = rows(small, f"SELECT {columns} FROM activation_histogram WHERE dictionary_id = 'cross' AND feature = 0")
    assert found == [
        about(0, 1, 12, 0.6, 0.6, 0.5, 3),
        about(4, 2, 6, 0.3, 0.9, 0.5, 3),
        about(6, 2**1.5, 2, 0.1, 1, 0.5, 3),
    ]


def test_examples_by_quantile(small):
    found = rows(small, "SELECT quantile, activation, share_of_maximum, image_name, element FROM examples_by_quantile")
    assert found == [(0.1, 1.1, pytest.approx(1.1 / 3), "one.png", 0), (0.7, 2.25, 0.75, "two.png", 2)]


def test_neurons_of_features(small):
    columns = "feature, rank, neuron, weight, share, rank_for_neuron, share_of_neuron"
    assert rows(small, f"SELECT {columns} FROM neurons_of_features WHERE dictionary_id = 'cross'") == [
        (0, 1, 1, -2, 0.8, 1, 0.5),
        (0, 2, 0, 1, 0.2, 2, 0.25),
        (1, 1, 0, 3, 1, 1, 0.5),
        (2, 1, 2, 1, 1, 1, None),
    ]
    of_neuron = (
        "SELECT feature FROM neurons_of_features WHERE dictionary_id = 'cross' AND neuron = 0 ORDER BY rank_for_neuron"
    )
    assert rows(small, of_neuron) == [(1,), (0,)]


def test_matching_features(small):
    columns = "feature, other_dictionary_label, other_feature, cosine, differs_in_seed_alone, other_seed, mutual"
    sae = "net early · TopK SAE 2, k 1, seed 0"
    replica = "net early · TopK group crosscoder 4, k 2, seed 1 · not in the tables, replica0"
    assert rows(small, f"SELECT {columns} FROM matching_features WHERE dictionary_id = 'cross'") == [
        (0, sae, 1, 0.9, False, 0, True),
        (0, replica, 3, 0.7, True, 1, None),
        (1, sae, 1, 0.3, False, 0, False),
        (2, sae, 0, 0.5, False, 0, False),
    ]


def test_where_features_fire(small):
    columns = "rank, image_name, element, y_px, x_px, maximum, map_rows, first_y_px, first_x_px, stride_px, side_px"
    assert rows(small, f"SELECT {columns} FROM where_features_fire") == [
        (1, "two.png", 0, -11, -11, 2.5, 28, 4, 5, 8, 200),
        (2, "one.png", 3, 1, 1, 0, 28, 4, 5, 8, 224),
    ]


def test_classes_changed_by_ablation(small):
    columns = "feature, direction, rank, class_name, change, std_error, images"
    assert rows(small, f"SELECT {columns} FROM classes_changed_by_ablation") == [
        (0, "lowered", 1, "tabby", -2, 0.5, 2),
        (0, "lowered", 2, "tiger cat", -1, 0.25, 2),
        (0, "raised", 1, "collie", 0.5, None, 1),
    ]
