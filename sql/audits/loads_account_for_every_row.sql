-- Guards: every table holds exactly the rows that its loads recorded, so nothing was written past the loader.
WITH found AS (
    SELECT 'networks' AS table_name, count(*) AS rows_found FROM networks
    UNION ALL SELECT 'layers', count(*) FROM layers
    UNION ALL SELECT 'images', count(*) FROM images
    UNION ALL SELECT 'quarantine', count(*) FROM quarantine
    UNION ALL SELECT 'activation_sets', count(*) FROM activation_sets
    UNION ALL SELECT 'shards', count(*) FROM shards
    UNION ALL SELECT 'activation_set_images', count(*) FROM activation_set_images
    UNION ALL SELECT 'dictionaries', count(*) FROM dictionaries
    UNION ALL SELECT 'dictionary_metrics', count(*) FROM dictionary_metrics
    UNION ALL SELECT 'block_metrics', count(*) FROM block_metrics
    UNION ALL SELECT 'training_steps', count(*) FROM training_steps
    UNION ALL SELECT 'features', count(*) FROM features
    UNION ALL SELECT 'feature_examples', count(*) FROM feature_examples
    UNION ALL SELECT 'feature_neighbours', count(*) FROM feature_neighbours
    UNION ALL SELECT 'feature_visualisations', count(*) FROM feature_visualisations
    UNION ALL SELECT 'transform_blocks', count(*) FROM transform_blocks
    UNION ALL SELECT 'feature_harmonics', count(*) FROM feature_harmonics
    UNION ALL SELECT 'feature_symmetry', count(*) FROM feature_symmetry
    UNION ALL SELECT 'runs', count(*) FROM runs
    UNION ALL SELECT 'unit_sets', count(*) FROM unit_sets
    UNION ALL SELECT 'unit_tuning', count(*) FROM unit_tuning
    UNION ALL SELECT 'tuning_curves', count(*) FROM tuning_curves
    UNION ALL SELECT 'curve_detectors', count(*) FROM curve_detectors
    UNION ALL SELECT 'neurons', count(*) FROM neurons
    UNION ALL SELECT 'neuron_features', count(*) FROM neuron_features
    UNION ALL SELECT 'neuron_examples', count(*) FROM neuron_examples
    UNION ALL SELECT 'family_analyses', count(*) FROM family_analyses
    UNION ALL SELECT 'family_shapes', count(*) FROM family_shapes
    UNION ALL SELECT 'feature_families', count(*) FROM feature_families
    UNION ALL SELECT 'family_pairs', count(*) FROM family_pairs
    UNION ALL SELECT 'family_scores', count(*) FROM family_scores
    UNION ALL SELECT 'dimension_analyses', count(*) FROM dimension_analyses
    UNION ALL SELECT 'tuning_dimensions', count(*) FROM tuning_dimensions
    UNION ALL SELECT 'tuning_scores', count(*) FROM tuning_scores
    UNION ALL SELECT 'dimension_curves', count(*) FROM dimension_curves
    UNION ALL SELECT 'dimension_harmonics', count(*) FROM dimension_harmonics
    UNION ALL SELECT 'dimension_completeness', count(*) FROM dimension_completeness
    UNION ALL SELECT 'dimension_paths', count(*) FROM dimension_paths
    UNION ALL SELECT 'dimension_pictures', count(*) FROM dimension_pictures
    UNION ALL SELECT 'concepts', count(*) FROM concepts
    UNION ALL SELECT 'concept_exemplars', count(*) FROM concept_exemplars
    UNION ALL SELECT 'concept_analyses', count(*) FROM concept_analyses
    UNION ALL SELECT 'cavs', count(*) FROM cavs
    UNION ALL SELECT 'tcav_scores', count(*) FROM tcav_scores
    UNION ALL SELECT 'tcav_tests', count(*) FROM tcav_tests
    UNION ALL SELECT 'attack_experiments', count(*) FROM attack_experiments
    UNION ALL SELECT 'attacks', count(*) FROM attacks
    UNION ALL SELECT 'attack_scores', count(*) FROM attack_scores
    UNION ALL SELECT 'attack_pictures', count(*) FROM attack_pictures
    UNION ALL SELECT 'attack_features', count(*) FROM attack_features
    UNION ALL SELECT 'facet_analyses', count(*) FROM facet_analyses
    UNION ALL SELECT 'facet_pictures', count(*) FROM facet_pictures
    UNION ALL SELECT 'facet_readings', count(*) FROM facet_readings
    UNION ALL SELECT 'trust_analyses', count(*) FROM trust_analyses
    UNION ALL SELECT 'trust_checks', count(*) FROM trust_checks
    UNION ALL SELECT 'activation_histograms', count(*) FROM activation_histograms
    UNION ALL SELECT 'quantile_examples', count(*) FROM quantile_examples
    UNION ALL SELECT 'feature_neurons', count(*) FROM feature_neurons
    UNION ALL SELECT 'matched_dictionaries', count(*) FROM matched_dictionaries
    UNION ALL SELECT 'feature_matches', count(*) FROM feature_matches
    UNION ALL SELECT 'image_frames', count(*) FROM image_frames
    UNION ALL SELECT 'feature_heat_maps', count(*) FROM feature_heat_maps
    UNION ALL SELECT 'feature_logit_effects', count(*) FROM feature_logit_effects
    UNION ALL SELECT 'orbit_predictions', count(*) FROM orbit_predictions
    UNION ALL SELECT 'benchmarks', count(*) FROM benchmarks
    UNION ALL SELECT 'benchmarked_dictionaries', count(*) FROM benchmarked_dictionaries
    UNION ALL SELECT 'benchmark_scores', count(*) FROM benchmark_scores
    UNION ALL SELECT 'provenance', count(*) FROM provenance
    UNION ALL SELECT 'mlflow_runs', count(*) FROM mlflow_runs
    UNION ALL SELECT 'mlflow_models', count(*) FROM mlflow_models
)
SELECT f.table_name, f.rows_found, coalesce(sum(l.rows), 0)::BIGINT AS rows_loaded
FROM found AS f
LEFT JOIN loads AS l USING (table_name)
GROUP BY f.table_name, f.rows_found
HAVING rows_loaded <> f.rows_found;
