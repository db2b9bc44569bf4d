-- Which method finds which parameter, and does a control find it too?
CREATE OR REPLACE VIEW tuning_methods AS
WITH found AS (
    SELECT
        t.dimension_analysis_id,
        t.parameter,
        max(t.r_squared) AS best_r_squared,
        max(t.r_squared) FILTER (t.assigned) AS r_squared,
        max(t.p_value) FILTER (t.assigned) AS p_value,
        max(t.null_r_squared) AS null_r_squared,
        max(p.spearman) FILTER (p.intended) AS path_spearman
    FROM tuning_scores AS t
    LEFT JOIN dimension_paths AS p USING (dimension_analysis_id, dimension, parameter)
    GROUP BY ALL
)
SELECT
    s.network,
    s.layer,
    a.activation_set_id,
    a.dictionary_id,
    a.source,
    a.components,
    f.parameter,
    a.method,
    avg(f.best_r_squared) AS best_r_squared,
    avg(f.r_squared) AS r_squared,
    stddev_samp(f.r_squared) AS std,
    max(f.p_value) AS p_value,
    avg(f.null_r_squared) AS null_r_squared,
    avg(f.path_spearman) AS path_spearman,
    count(*) AS seeds
FROM found AS f
JOIN dimension_analyses AS a USING (dimension_analysis_id)
JOIN activation_sets AS s USING (activation_set_id)
GROUP BY ALL
ORDER BY
    s.network, s.layer, a.activation_set_id, a.dictionary_id NULLS FIRST, a.source, a.components, f.parameter, best_r_squared DESC,
    a.method;
COMMENT ON VIEW tuning_methods IS 'one row per (activation set, dictionary, source, components, method, parameter), over seeds; methods and controls that may be compared stand beside one another, the best first';
COMMENT ON COLUMN tuning_methods.dictionary_id IS 'whose features the units are; null for the layer''s neurons';
COMMENT ON COLUMN tuning_methods.method IS 'pca, ica, nmf, kernel-pca; controls: neurons, random';
COMMENT ON COLUMN tuning_methods.best_r_squared IS 'largest of any dimension with the parameter, mean over seeds';
COMMENT ON COLUMN tuning_methods.r_squared IS 'of the dimension that the parameter is assigned, mean over seeds; null where none is left for it';
COMMENT ON COLUMN tuning_methods.std IS 'standard deviation between seeds; null for a single one';
COMMENT ON COLUMN tuning_methods.p_value IS 'of that dimension, the largest of any seed';
COMMENT ON COLUMN tuning_methods.null_r_squared IS '95th percentile of the largest of any dimension under permuted labels';
COMMENT ON COLUMN tuning_methods.path_spearman IS 'of images rendered along that dimension, mean over the seeds that were rendered; null where none was';
