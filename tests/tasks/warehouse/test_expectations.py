"""The sample meets every expectation, and a bad value in each column that has one is caught."""

import json
import os

import duckdb
import polars as pl

from tasks.warehouse.audit import run_expectations
from tasks.warehouse.database import open_warehouse, schema
from tasks.warehouse.expectations import suite
from tests.sample_tables import sample_tables

# expectation -> a value that it refuses
BAD_VALUES = {
    "networks.weights_sha256: match_regex": "not a checksum",
    "networks.input_size: be_between": 0,
    "networks.classes: be_between": 0,
    "layers.channels: be_between": 0,
    "layers.receptive_field: be_between": 0,
    "layers.stride: be_between": 0,
    "layers.effective_centre_y_std_error_px: be_between": -0.1,
    "layers.effective_centre_x_std_error_px: be_between": -0.1,
    "layers.effective_std_y_px: be_between": -0.1,
    "layers.effective_std_x_px: be_between": -0.1,
    "images.image_id: match_regex": "no key",
    "images.width: be_between": 0,
    "images.height: be_between": -1,
    "quarantine.reason: match_regex": " ",
    "activation_sets.activation_set_id: match_regex": "no key",
    "activation_sets.sampling: be_in_set": "whim",
    "activation_sets.transformations: be_in_set": "shear",
    "activation_sets.orbits: be_between": 0,
    "shards.sha256: match_regex": "no key",
    "shards.bytes: be_between": 0,
    "dictionaries.dictionary_id: match_regex": "no key",
    "dictionaries.architecture: be_in_set": "cathedral",
    "dictionaries.method: be_in_set": "guesswork",
    "dictionaries.encode_from: be_in_set": "nowhere",
    "dictionaries.train_seconds: be_between": -1.0,
    "features.density: be_between": 1.5,
    "features.max_activation: be_between": -1.5,
    "features.atom_dimension: be_between": 5,
    "feature_symmetry.type: match_regex": "period",
    "feature_symmetry.stabiliser: match_regex": "Z_2",
    "feature_symmetry.confidence: be_between": -0.1,
    "feature_symmetry.invariance: be_between": -1.1,
    "feature_symmetry.mirror: be_between": 1.1,
    "unit_sets.unit_set_id: match_regex": "no key",
    "unit_sets.step_degrees: be_between": 5.0,
    "unit_sets.stimuli: be_between": 0,
    "unit_sets.units: be_between": 0,
    "unit_tuning.stimulus_type: be_in_set": "blob",
    "unit_tuning.confidence: be_between": 1.2,
    "unit_tuning.criteria_met: be_between": 6,
    "curve_detectors.curve_family: match_regex": " ",
    "curve_detectors.preferred_radius: be_between": 0.0,
    "curve_detectors.rendering: be_in_set": "in oil",
    "neurons.density: be_between": 1.5,
    "neurons.top_rows: be_between": -1,
    "neurons.explained: be_between": 1.5,
    "family_analyses.family_analysis_id: match_regex": "no key",
    "family_analyses.neighbours: be_between": 1,
    "family_analyses.min_family_size: be_between": 1,
    "family_analyses.least_similarity: be_between": 1.1,
    "family_shapes.type: match_regex": "period",
    "family_shapes.stabiliser: match_regex": "Z_2",
    "family_shapes.mean_similarity: be_between": 1.1,
    "family_shapes.evenness: be_between": -0.1,
    "family_shapes.covered: be_between": 1.1,
    "feature_families.stimulus_type: be_in_set": "blob",
    "feature_families.strength: be_between": 1.2,
    "feature_families.similarity: be_between": -1.1,
    "dimension_analyses.dimension_analysis_id: match_regex": "no key",
    "dimension_analyses.method: be_in_set": "guesswork",
    "dimension_analyses.components: be_between": 0,
    "dimension_analyses.rows: be_between": 0,
    "dimension_analyses.constant_units: be_between": -1,
    "tuning_dimensions.explained_variance: be_between": 1.1,
    "tuning_dimensions.cumulative_variance: be_between": 1.1,
    "tuning_scores.r_squared: be_between": 1.1,
    "tuning_scores.null_r_squared: be_between": -0.1,
    "tuning_scores.p_value: be_between": 1.1,
    "dimension_completeness.frames: be_between": 0,
    "dimension_completeness.labelled: be_between": -1,
    "dimension_completeness.agreement_kept: be_between": 1.1,
    "dimension_completeness.agreement_removed: be_between": 1.1,
    "dimension_completeness.accuracy_clean: be_between": 1.1,
    "dimension_completeness.accuracy_kept: be_between": -0.1,
    "dimension_completeness.accuracy_removed: be_between": -0.1,
    "dimension_paths.spearman: be_between": 1.1,
    "dimension_paths.drift: be_between": -0.1,
    "concepts.concept_id: match_regex": "no key",
    "concepts.name: match_regex": " ",
    "concepts.quarantined: be_between": -1,
    "concept_analyses.concept_analysis_id: match_regex": "no key",
    "concept_analyses.classifier: be_in_set": "guesswork",
    "concept_analyses.pool: be_in_set": "swimming",
    "concept_analyses.penalty: be_between": 0.0,
    "concept_analyses.held_out: be_between": 1.0,
    "tcav_tests.class_name: match_regex": " ",
    "tcav_tests.random_sets: be_between": 2,
    "tcav_tests.score: be_between": 1.1,
    "tcav_tests.magnitude: be_between": -0.1,
    "tcav_tests.random_score: be_between": 1.1,
    "tcav_tests.accuracy: be_between": 1.1,
    "tcav_tests.p_value: be_between": -0.1,
    "tcav_tests.p_holm: be_between": 1.1,
    "tcav_tests.score_std: be_between": -0.1,
    "tcav_tests.random_score_std: be_between": -0.1,
    "tcav_tests.agreement: be_between": -1.1,
    "attack_experiments.attack_experiment_id: match_regex": "no key",
    "attack_experiments.class_name: match_regex": " ",
    "attack_experiments.random_sets: be_between": 2,
    "attack_experiments.classifier: be_in_set": "guesswork",
    "attack_experiments.pool: be_in_set": "swimming",
    "attack_experiments.steps: be_between": 0,
    "attacks.attack: be_in_set": "guesswork",
    "attacks.epsilon: be_between": 256,
    "attacks.fraction: be_between": 1.5,
    "attacks.artifact_folder: match_regex": "no key",
    "attacks.images: be_between": 0,
    "attacks.perceptual: be_between": 4.1,
    "attack_scores.score: be_between": 1.1,
    "attack_scores.magnitude: be_between": -0.1,
    "attack_scores.random_score: be_between": 1.1,
    "attack_scores.accuracy: be_between": 1.1,
    "attack_scores.p_value: be_between": -0.1,
    "attack_scores.p_holm: be_between": 1.1,
    "attack_scores.score_std: be_between": -0.1,
    "attack_scores.random_score_std: be_between": -0.1,
    "attack_scores.cosine: be_between": -1.1,
    "attack_features.flagged: be_between": 1.1,
    "attack_features.auc: be_between": -0.1,
    "attack_features.statistic: be_in_set": "mood",
    "facet_analyses.unit: be_between": -1,
    "facet_analyses.unit_name: match_regex": " ",
    "facet_analyses.weight: be_between": -0.1,
    "facet_analyses.epsilon: be_between": 0,
    "facet_analyses.steps: be_between": 0,
    "facet_analyses.facet_analysis_id: match_regex": "no key",
    "trust_analyses.random_sets: be_between": 0,
    "trust_analyses.calibration_sets: be_between": -1,
    "trust_analyses.trust_analysis_id: match_regex": "no key",
    "trust_checks.threshold: be_between": -0.1,
    "trust_checks.check_name: be_in_set": "smells",
    "runs.flow: match_regex": "Not a flow!",
    "runs.seconds: be_between": -1.0,
    "runs.peak_memory_bytes: be_between": 0,
    "provenance.result_id: match_regex": "no key",
    "mlflow_runs.mlflow_run_id: match_regex": "no id",
    "mlflow_runs.result_id: match_regex": "no key",
    "mlflow_models.mlflow_run_id: match_regex": "no id",
    "mlflow_models.result_id: match_regex": "no key",
    "mlflow_models.version: be_between": 0,
}


def column_of(expectation):
    table, column = expectation.split(":")[0].split(".")
    return table, column


def bad_row(table):
    """The first row of the sample with a bad value in every column that has an expectation."""
    values = {column_of(name)[1]: value for name, value in BAD_VALUES.items() if column_of(name)[0] == table}
    return sample_tables()[table].head(1).with_columns(**{column: pl.lit(value) for column, value in values.items()})


def test_the_sample_meets_every_expectation_and_every_expectation_has_a_bad_value(loaded):
    with open_warehouse(loaded) as connection:
        results = run_expectations(connection)
    assert [result for result in results if not result.passed] == []
    assert {result.audit for result in results} == BAD_VALUES.keys()
    assert len(results) == sum(len(expectations) for expectations in suite().values())
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"


def test_each_expectation_catches_a_bad_value_and_names_its_row():
    with duckdb.connect() as connection:
        for table in suite():
            connection.register(table, pl.concat([sample_tables()[table], bad_row(table)], how="vertical_relaxed"))
        results = {result.audit: result for result in run_expectations(connection)}
    for name in BAD_VALUES:
        table, column = column_of(name)
        result = results[name]
        assert (result.kind, result.passed, result.failures) == ("great-expectations", False, 1), name
        identified_by = dict.fromkeys((*schema()[table].key, column))
        assert json.loads(result.detail) == bad_row(table).select(*identified_by).to_dicts(), name
