-- Shows what a feature responds to when it fires weakly, medium or strongly, not only at its top.
CREATE OR REPLACE VIEW examples_by_quantile AS
SELECT
    q.dictionary_id,
    v.dictionary_label,
    q.feature,
    q.quantile,
    q.activation,
    q.activation / f.max_activation AS share_of_maximum,
    q.image_id,
    i.name AS image_name,
    i.source,
    q.y,
    q.x,
    q.element
FROM quantile_examples AS q
JOIN features AS f USING (dictionary_id, feature)
JOIN images AS i USING (image_id)
JOIN dictionary_labels() AS v USING (dictionary_id)
ORDER BY q.dictionary_id, q.feature, q.quantile;
COMMENT ON VIEW examples_by_quantile IS 'one row per (dictionary_id, feature, quantile): a row drawn at random near that quantile of the feature''s positive activations; quantile_examples has its patch';
COMMENT ON COLUMN examples_by_quantile.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN examples_by_quantile.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN examples_by_quantile.feature IS 'number of the feature in its dictionary, counted from 0';
COMMENT ON COLUMN examples_by_quantile.quantile IS 'share of the rows with a positive activation that activate the feature less, to the width of an interval of activation_histogram: 0.1, 0.3, 0.5, 0.7 or 0.9';
COMMENT ON COLUMN examples_by_quantile.activation IS 'activation of the feature on the row, in the dictionary''s scaled units';
COMMENT ON COLUMN examples_by_quantile.share_of_maximum IS 'activation over the feature''s largest activation, 0 to 1';
COMMENT ON COLUMN examples_by_quantile.image_id IS 'content key of the image; refers to images';
COMMENT ON COLUMN examples_by_quantile.image_name IS 'name of the image';
COMMENT ON COLUMN examples_by_quantile.source IS 'origin of the image: folder, scikit-image or dead-leaves';
COMMENT ON COLUMN examples_by_quantile.y IS 'row of the patch''s centre in the image fitted to the network''s frame, pixels from the top';
COMMENT ON COLUMN examples_by_quantile.x IS 'column of the patch''s centre in the image fitted to the network''s frame, pixels from the left';
COMMENT ON COLUMN examples_by_quantile.element IS 'number of the group element by which the patch was transformed before the network saw it; 0: not transformed';
