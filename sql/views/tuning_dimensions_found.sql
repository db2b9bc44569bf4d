-- Lists the tuning dimensions and the parameter that each of them follows.
CREATE OR REPLACE VIEW tuning_dimensions_found AS
WITH best AS (
    SELECT *
    FROM tuning_scores
    QUALIFY row_number() OVER (PARTITION BY dimension_analysis_id, dimension ORDER BY r_squared DESC, parameter) = 1
),
assigned AS (
    SELECT dimension_analysis_id, dimension, parameter
    FROM tuning_scores
    WHERE assigned
),
rendered AS (
    SELECT
        dimension_analysis_id,
        dimension,
        max(spearman) FILTER (intended) AS spearman,
        max(drift) FILTER (intended) AS drift,
        max(drift) FILTER (NOT intended) AS other_drift
    FROM dimension_paths
    GROUP BY ALL
)
SELECT
    a.dimension_analysis_id,
    u.dimension_analysis_label,
    s.network,
    s.layer,
    a.activation_set_id,
    v.activation_set_label,
    a.dictionary_id,
    n.dictionary_label,
    a.method,
    a.source,
    a.seed,
    d.dimension,
    d.explained_variance,
    d.cumulative_variance,
    b.parameter AS follows,
    b.r_squared,
    b.null_r_squared,
    b.p_value,
    b.preferred,
    g.parameter AS assigned,
    r.spearman AS path_spearman,
    r.drift AS path_drift,
    r.other_drift AS path_other_drift
FROM tuning_dimensions AS d
JOIN dimension_analyses AS a USING (dimension_analysis_id)
JOIN activation_sets AS s USING (activation_set_id)
JOIN activation_set_labels() AS v USING (activation_set_id)
JOIN dimension_analysis_labels() AS u USING (dimension_analysis_id)
LEFT JOIN dictionary_labels() AS n USING (dictionary_id)
LEFT JOIN best AS b USING (dimension_analysis_id, dimension)
LEFT JOIN assigned AS g USING (dimension_analysis_id, dimension)
LEFT JOIN rendered AS r USING (dimension_analysis_id, dimension)
ORDER BY s.network, s.layer, a.activation_set_id, a.dictionary_id NULLS FIRST, a.source, a.method, a.dimension_analysis_id, d.dimension;
COMMENT ON VIEW tuning_dimensions_found IS 'one row per (dimension_analysis_id, dimension), those of the controls included, in the order of their number';
COMMENT ON COLUMN tuning_dimensions_found.dimension_analysis_id IS 'content key of the dimension analysis; refers to dimension_analyses';
COMMENT ON COLUMN tuning_dimensions_found.dimension_analysis_label IS 'label of the dimension analysis, unique';
COMMENT ON COLUMN tuning_dimensions_found.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN tuning_dimensions_found.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN tuning_dimensions_found.activation_set_id IS 'content key of the activation set; refers to activation_sets';
COMMENT ON COLUMN tuning_dimensions_found.activation_set_label IS 'label of the activation set, unique';
COMMENT ON COLUMN tuning_dimensions_found.dictionary_id IS 'content key of the dictionary whose features are the units; refers to dictionaries; null where the units are the layer''s neurons';
COMMENT ON COLUMN tuning_dimensions_found.dictionary_label IS 'label of the dictionary, unique; null where the units are the layer''s neurons';
COMMENT ON COLUMN tuning_dimensions_found.method IS 'dimension method: pca, ica, nmf or kernel-pca; controls: neurons (the units that explain most) and random (a random orthogonal basis)';
COMMENT ON COLUMN tuning_dimensions_found.source IS 'rows that the dimensions were fitted to: patches (the train split) or gratings (synthetic)';
COMMENT ON COLUMN tuning_dimensions_found.seed IS 'random seed of the method and of the permutations';
COMMENT ON COLUMN tuning_dimensions_found.dimension IS 'number of the dimension in its analysis, counted from 0';
COMMENT ON COLUMN tuning_dimensions_found.explained_variance IS 'share of the units'' variance that the dimension adds to those before it; measured on the test split (source patches) or on the gratings themselves (source gratings)';
COMMENT ON COLUMN tuning_dimensions_found.cumulative_variance IS 'share of the units'' variance, on the same rows, that the best linear reconstruction from this dimension and all before it explains';
COMMENT ON COLUMN tuning_dimensions_found.follows IS 'parameter of synthetic stimuli with the largest r_squared, assigned or not: orientation, frequency, phase, colour, direction or curvature; null where none was scored';
COMMENT ON COLUMN tuning_dimensions_found.r_squared IS 'R² of a regression of the score on the parameter in follows, 0 to 1; null where none was scored';
COMMENT ON COLUMN tuning_dimensions_found.null_r_squared IS '95th percentile, over permutations of the stimuli''s labels, of the largest r_squared of that parameter among all dimensions of the analysis, 0 to 1; null where none was scored';
COMMENT ON COLUMN tuning_dimensions_found.p_value IS 'share of the permutations whose largest r_squared among all dimensions of the analysis reaches this one, 0 to 1; null where none was scored';
COMMENT ON COLUMN tuning_dimensions_found.preferred IS 'value of that parameter at which the score is largest, degrees; null for frequency and curvature, which are not circular';
COMMENT ON COLUMN tuning_dimensions_found.assigned IS 'parameter that the one-to-one assignment pairs with the dimension; null where none is left for it';
COMMENT ON COLUMN tuning_dimensions_found.path_spearman IS 'Spearman rank correlation between the scores of the rendered images and the assigned parameter estimated in them, -1 to 1; null where no images were rendered, and for a parameter that is not estimated';
COMMENT ON COLUMN tuning_dimensions_found.path_drift IS 'largest minus smallest estimate of the assigned parameter along the path, as a share of its whole range; null where path_spearman is null';
COMMENT ON COLUMN tuning_dimensions_found.path_other_drift IS 'largest drift in a parameter that is not assigned to the dimension, as a share of its whole range; null where no images were rendered';
