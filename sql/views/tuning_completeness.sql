-- How much of a layer do k dimensions hold, against k of its neurons and k random directions?
CREATE OR REPLACE VIEW tuning_completeness AS
WITH explained AS (
    SELECT dimension_analysis_id, dimension + 1 AS dimensions, cumulative_variance AS variance
    FROM tuning_dimensions
)
SELECT
    a.dimension_analysis_id,
    s.network,
    s.layer,
    a.activation_set_id,
    a.dictionary_id,
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
LEFT JOIN dimension_completeness AS m ON m.dimension_analysis_id = e.dimension_analysis_id AND m.dimensions = e.dimensions
-- the best of more directions explain more, so controls chose from as many
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
COMMENT ON VIEW tuning_completeness IS 'one row per (analysis, number of its first dimensions); neurons_ and random_: the same number of them, mean over the seeds of the controls with the same activation set, dictionary, source, components and frames';
COMMENT ON COLUMN tuning_completeness.dictionary_id IS 'whose features the units are, and the neurons_ too; null for the layer''s neurons';
COMMENT ON COLUMN tuning_completeness.variance IS 'share of the units'' variance that the best linear reconstruction explains';
COMMENT ON COLUMN tuning_completeness.frames IS 'whole images that the network was run on; null where it was not run at this number';
COMMENT ON COLUMN tuning_completeness.agreement_kept IS 'share of the frames whose first class stays that of the untouched network with only these dimensions in the layer';
COMMENT ON COLUMN tuning_completeness.agreement_removed IS 'the same with these dimensions taken out';
COMMENT ON COLUMN tuning_completeness.accuracy_clean IS 'share of the labelled frames whose first class is theirs in the untouched network; null where none is labelled';
COMMENT ON COLUMN tuning_completeness.accuracy_kept IS 'the same with only these dimensions in the layer';
COMMENT ON COLUMN tuning_completeness.accuracy_removed IS 'the same with these dimensions taken out';
