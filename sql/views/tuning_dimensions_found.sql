-- Which dimensions were found, and what does each follow?
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
    s.network,
    s.layer,
    a.activation_set_id,
    a.dictionary_id,
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
LEFT JOIN best AS b USING (dimension_analysis_id, dimension)
LEFT JOIN assigned AS g USING (dimension_analysis_id, dimension)
LEFT JOIN rendered AS r USING (dimension_analysis_id, dimension)
ORDER BY s.network, s.layer, a.activation_set_id, a.dictionary_id NULLS FIRST, a.source, a.method, a.dimension_analysis_id, d.dimension;
COMMENT ON VIEW tuning_dimensions_found IS 'one row per (analysis, dimension), those of controls too, in the order in which they explain';
COMMENT ON COLUMN tuning_dimensions_found.dictionary_id IS 'whose features the units are; null for the layer''s neurons';
COMMENT ON COLUMN tuning_dimensions_found.explained_variance IS 'share of the units'' variance that it adds to those before it';
COMMENT ON COLUMN tuning_dimensions_found.follows IS 'parameter of drawn stimuli that its score follows best, assigned or not';
COMMENT ON COLUMN tuning_dimensions_found.r_squared IS 'with that parameter, as null_r_squared, p_value and preferred';
COMMENT ON COLUMN tuning_dimensions_found.null_r_squared IS '95th percentile of the analysis'' largest under permuted labels';
COMMENT ON COLUMN tuning_dimensions_found.preferred IS 'degrees at which the score is largest; null where the parameter has ends';
COMMENT ON COLUMN tuning_dimensions_found.assigned IS 'parameter that is its own in the assignment of the whole analysis; null for a dimension left over';
COMMENT ON COLUMN tuning_dimensions_found.path_spearman IS 'rank correlation of images rendered along it with the assigned parameter, estimated independently; null where none were or it is not estimated';
COMMENT ON COLUMN tuning_dimensions_found.path_drift IS 'how far they move in it, over its whole range';
COMMENT ON COLUMN tuning_dimensions_found.path_other_drift IS 'how far they move at most in a parameter that is not the dimension''s; null where not rendered';
