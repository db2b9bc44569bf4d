-- Compares the dimension methods and controls by how well they find each parameter.
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
    v.activation_set_label,
    a.dictionary_id,
    n.dictionary_label,
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
JOIN activation_set_labels() AS v USING (activation_set_id)
LEFT JOIN dictionary_labels() AS n USING (dictionary_id)
GROUP BY ALL
ORDER BY
    s.network, s.layer, a.activation_set_id, a.dictionary_id NULLS FIRST, a.source, a.components, f.parameter, best_r_squared DESC,
    a.method;
COMMENT ON VIEW tuning_methods IS 'one row per (activation_set_id, dictionary_id, source, components, method, parameter), over seeds; comparable methods and controls are adjacent, the best first';
COMMENT ON COLUMN tuning_methods.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN tuning_methods.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN tuning_methods.activation_set_id IS 'content key of the activation set; refers to activation_sets';
COMMENT ON COLUMN tuning_methods.activation_set_label IS 'label of the activation set, unique';
COMMENT ON COLUMN tuning_methods.dictionary_id IS 'content key of the dictionary whose features are the units; refers to dictionaries; null where the units are the layer''s neurons';
COMMENT ON COLUMN tuning_methods.dictionary_label IS 'label of the dictionary, unique; null where the units are the layer''s neurons';
COMMENT ON COLUMN tuning_methods.source IS 'rows that the dimensions were fitted to: patches (the train split) or gratings (synthetic)';
COMMENT ON COLUMN tuning_methods.components IS 'number of dimensions that were fitted';
COMMENT ON COLUMN tuning_methods.parameter IS 'orientation, frequency, phase or colour (of gratings); direction or curvature (of arcs)';
COMMENT ON COLUMN tuning_methods.method IS 'dimension method: pca, ica, nmf or kernel-pca; controls: neurons (the units that explain most) and random (a random orthogonal basis)';
COMMENT ON COLUMN tuning_methods.best_r_squared IS 'largest r_squared of any dimension with the parameter, 0 to 1, mean over seeds';
COMMENT ON COLUMN tuning_methods.r_squared IS 'r_squared of the dimension that the parameter is assigned to, 0 to 1, mean over seeds; null where no dimension is left for it';
COMMENT ON COLUMN tuning_methods.std IS 'standard deviation of r_squared between seeds; null for a single seed, and where r_squared is null';
COMMENT ON COLUMN tuning_methods.p_value IS 'largest p-value over seeds of the assigned dimension, 0 to 1; null where no dimension is left for the parameter';
COMMENT ON COLUMN tuning_methods.null_r_squared IS '95th percentile, over permutations of the stimuli''s labels, of the largest r_squared among all dimensions, 0 to 1, mean over seeds';
COMMENT ON COLUMN tuning_methods.path_spearman IS 'Spearman rank correlation of the images rendered along the assigned dimension, -1 to 1, mean over the seeds with rendered images; null where there are none';
COMMENT ON COLUMN tuning_methods.seeds IS 'number of seeds';
