-- Shows how much of a layer the first k dimensions hold, compared with k neurons and k random directions.
CREATE OR REPLACE VIEW tuning_completeness AS
WITH explained AS (
    SELECT dimension_analysis_id, dimension + 1 AS dimensions, cumulative_variance AS variance
    FROM tuning_dimensions
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
    a.components,
    a.seed,
    e.dimensions,
    e.variance,
    avg(x.variance) FILTER (b.method = 'neurons') AS neurons_variance,
    avg(x.variance) FILTER (b.method = 'random') AS random_variance,
    m.frames,
    m.agreement_kept,
    avg(c.agreement_kept) FILTER (b.method = 'neurons') AS neurons_agreement_kept,
    avg(c.agreement_kept) FILTER (b.method = 'random') AS random_agreement_kept,
    m.agreement_removed,
    avg(c.agreement_removed) FILTER (b.method = 'neurons') AS neurons_agreement_removed,
    avg(c.agreement_removed) FILTER (b.method = 'random') AS random_agreement_removed,
    m.labelled,
    m.accuracy_clean,
    m.accuracy_kept,
    avg(c.accuracy_kept) FILTER (b.method = 'neurons') AS neurons_accuracy_kept,
    avg(c.accuracy_kept) FILTER (b.method = 'random') AS random_accuracy_kept,
    m.accuracy_removed,
    avg(c.accuracy_removed) FILTER (b.method = 'neurons') AS neurons_accuracy_removed,
    avg(c.accuracy_removed) FILTER (b.method = 'random') AS random_accuracy_removed
FROM explained AS e
JOIN dimension_analyses AS a USING (dimension_analysis_id)
JOIN activation_sets AS s USING (activation_set_id)
JOIN activation_set_labels() AS v ON v.activation_set_id = a.activation_set_id
JOIN dimension_analysis_labels() AS u ON u.dimension_analysis_id = a.dimension_analysis_id
LEFT JOIN dictionary_labels() AS n ON n.dictionary_id = a.dictionary_id
LEFT JOIN dimension_completeness AS m ON m.dimension_analysis_id = e.dimension_analysis_id AND m.dimensions = e.dimensions
-- the best of more directions explain more, so a control must have as many components
LEFT JOIN dimension_analyses AS b
    ON b.method IN ('neurons', 'random')
    AND b.activation_set_id = a.activation_set_id
    AND b.dictionary_id IS NOT DISTINCT FROM a.dictionary_id
    AND b.source = a.source
    AND b.components = a.components
LEFT JOIN explained AS x ON x.dimension_analysis_id = b.dimension_analysis_id AND x.dimensions = e.dimensions
LEFT JOIN dimension_completeness AS c ON c.dimension_analysis_id = b.dimension_analysis_id AND c.dimensions = e.dimensions AND c.frames = m.frames
GROUP BY ALL
ORDER BY s.network, s.layer, a.activation_set_id, a.dictionary_id NULLS FIRST, a.source, a.method, a.dimension_analysis_id, e.dimensions;
COMMENT ON VIEW tuning_completeness IS 'one row per (dimension_analysis_id, dimensions); columns neurons_* and random_* are means over the seeds of those controls with the same activation set, dictionary, source, components and frames, null without such a control';
COMMENT ON COLUMN tuning_completeness.dimension_analysis_id IS 'content key of the dimension analysis; refers to dimension_analyses';
COMMENT ON COLUMN tuning_completeness.dimension_analysis_label IS 'label of the dimension analysis, unique';
COMMENT ON COLUMN tuning_completeness.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN tuning_completeness.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN tuning_completeness.activation_set_id IS 'content key of the activation set; refers to activation_sets';
COMMENT ON COLUMN tuning_completeness.activation_set_label IS 'label of the activation set, unique';
COMMENT ON COLUMN tuning_completeness.dictionary_id IS 'content key of the dictionary whose features are the units; refers to dictionaries; null where the units are the layer''s neurons';
COMMENT ON COLUMN tuning_completeness.dictionary_label IS 'label of the dictionary, unique; null where the units are the layer''s neurons';
COMMENT ON COLUMN tuning_completeness.method IS 'dimension method: pca, ica, nmf or kernel-pca; controls: neurons (the units that explain most) and random (a random orthogonal basis)';
COMMENT ON COLUMN tuning_completeness.source IS 'rows that the dimensions were fitted to: patches (the train split) or gratings (synthetic)';
COMMENT ON COLUMN tuning_completeness.components IS 'number of dimensions that were fitted';
COMMENT ON COLUMN tuning_completeness.seed IS 'random seed of the method and of the permutations';
COMMENT ON COLUMN tuning_completeness.dimensions IS 'number k of first dimensions';
COMMENT ON COLUMN tuning_completeness.variance IS 'share of the units'' variance that the best linear reconstruction from these dimensions explains';
COMMENT ON COLUMN tuning_completeness.neurons_variance IS 'variance of the control neurons, mean over its seeds; null without such a control';
COMMENT ON COLUMN tuning_completeness.random_variance IS 'variance of the control random, mean over its seeds; null without such a control';
COMMENT ON COLUMN tuning_completeness.frames IS 'number of whole images of the test split that the network was run on; null where it was not run with this number of dimensions';
COMMENT ON COLUMN tuning_completeness.agreement_kept IS 'share of the images whose top-1 class is that of the unmodified network when only these dimensions are kept, 0 to 1; null where frames is null';
COMMENT ON COLUMN tuning_completeness.neurons_agreement_kept IS 'agreement_kept of the control neurons, mean over its seeds; null without such a control';
COMMENT ON COLUMN tuning_completeness.random_agreement_kept IS 'agreement_kept of the control random, mean over its seeds; null without such a control';
COMMENT ON COLUMN tuning_completeness.agreement_removed IS 'share of the images whose top-1 class is that of the unmodified network when these dimensions are removed, 0 to 1; null where frames is null';
COMMENT ON COLUMN tuning_completeness.neurons_agreement_removed IS 'agreement_removed of the control neurons, mean over its seeds; null without such a control';
COMMENT ON COLUMN tuning_completeness.random_agreement_removed IS 'agreement_removed of the control random, mean over its seeds; null without such a control';
COMMENT ON COLUMN tuning_completeness.labelled IS 'number of those images whose file name gives the class; null where frames is null';
COMMENT ON COLUMN tuning_completeness.accuracy_clean IS 'share of the labelled images whose top-1 class is correct in the unmodified network, 0 to 1; null where no image is labelled';
COMMENT ON COLUMN tuning_completeness.accuracy_kept IS 'share of the labelled images whose top-1 class is correct when only these dimensions are kept, 0 to 1; null where no image is labelled';
COMMENT ON COLUMN tuning_completeness.neurons_accuracy_kept IS 'accuracy_kept of the control neurons, mean over its seeds; null without such a control, and where no image is labelled';
COMMENT ON COLUMN tuning_completeness.random_accuracy_kept IS 'accuracy_kept of the control random, mean over its seeds; null without such a control, and where no image is labelled';
COMMENT ON COLUMN tuning_completeness.accuracy_removed IS 'share of the labelled images whose top-1 class is correct when these dimensions are removed, 0 to 1; null where no image is labelled';
COMMENT ON COLUMN tuning_completeness.neurons_accuracy_removed IS 'accuracy_removed of the control neurons, mean over its seeds; null without such a control, and where no image is labelled';
COMMENT ON COLUMN tuning_completeness.random_accuracy_removed IS 'accuracy_removed of the control random, mean over its seeds; null without such a control, and where no image is labelled';
