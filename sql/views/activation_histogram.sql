-- Shows how strongly a feature fires: how its rows are distributed over its activations.
CREATE OR REPLACE VIEW activation_histogram AS
SELECT
    h.dictionary_id,
    v.dictionary_label,
    h.feature,
    h.bin,
    h.lower,
    h.upper,
    h.rows,
    h.rows / sum(h.rows) OVER of_feature AS share,
    sum(h.rows) OVER (of_feature ORDER BY h.bin) / sum(h.rows) OVER of_feature AS cumulative_share,
    f.density,
    f.mean_activation,
    f.max_activation
FROM activation_histograms AS h
JOIN features AS f USING (dictionary_id, feature)
JOIN dictionary_labels() AS v USING (dictionary_id)
WINDOW of_feature AS (PARTITION BY h.dictionary_id, h.feature)
ORDER BY h.dictionary_id, h.feature, h.bin;
COMMENT ON VIEW activation_histogram IS 'one row per (dictionary_id, feature, bin): an interval of activation in which the feature has at least one row';
COMMENT ON COLUMN activation_histogram.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN activation_histogram.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN activation_histogram.feature IS 'number of the feature in its dictionary, counted from 0';
COMMENT ON COLUMN activation_histogram.bin IS 'number of the interval, ascending with activation; an octave has four';
COMMENT ON COLUMN activation_histogram.lower IS 'lower end of the interval, in the dictionary''s scaled units; the interval contains it';
COMMENT ON COLUMN activation_histogram.upper IS 'upper end of the interval, in the dictionary''s scaled units; the next interval contains it';
COMMENT ON COLUMN activation_histogram.rows IS 'number of rows on which the feature''s activation lies in the interval';
COMMENT ON COLUMN activation_histogram.share IS 'share of the rows on which the feature is active, 0 to 1';
COMMENT ON COLUMN activation_histogram.cumulative_share IS 'share of these rows in this interval or a lower one, 0 to 1';
COMMENT ON COLUMN activation_histogram.density IS 'share of all rows on which the feature is active, 0 to 1';
COMMENT ON COLUMN activation_histogram.mean_activation IS 'mean activation over the rows on which the feature is active, in the dictionary''s scaled units';
COMMENT ON COLUMN activation_histogram.max_activation IS 'largest activation on any row, in the dictionary''s scaled units';
