-- Lists the images with the features that have a top example there: which features fire on an image, and where.
CREATE OR REPLACE VIEW features_on_images AS
SELECT
    i.image_id,
    i.source,
    i.name AS image_name,
    e.dictionary_id,
    v.dictionary_label,
    e.feature,
    y.type,
    e.rank,
    e.activation,
    e.activation / nullif(f.max_activation, 0) AS share_of_maximum,
    e.y,
    e.x,
    e.element
FROM feature_examples AS e
JOIN images AS i USING (image_id)
JOIN features AS f USING (dictionary_id, feature)
JOIN dictionary_labels() AS v USING (dictionary_id)
LEFT JOIN feature_symmetry AS y USING (dictionary_id, feature)
ORDER BY i.name, i.image_id, v.dictionary_label, e.rank, e.feature;
COMMENT ON VIEW features_on_images IS 'one row per (dictionary_id, feature, rank): a top example of a feature, with its image; a feature that fires on the image without a top example there has no row: `kaleidoscope look` computes all';
COMMENT ON COLUMN features_on_images.image_id IS 'content key of the image: SHA-256 of its size and decoded RGB pixels';
COMMENT ON COLUMN features_on_images.source IS 'origin of the image: folder (files of the configured folder), scikit-image (photographs that ship with scikit-image) or dead-leaves (generated scenes)';
COMMENT ON COLUMN features_on_images.image_name IS 'name of the image, unique within its source';
COMMENT ON COLUMN features_on_images.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN features_on_images.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN features_on_images.feature IS 'number of the feature in its dictionary, counted from 0; (dictionary_id, feature) refers to features';
COMMENT ON COLUMN features_on_images.type IS 'symmetry type of the feature; null without transform blocks';
COMMENT ON COLUMN features_on_images.rank IS 'rank of the example by activation, 1 for the strongest of the feature';
COMMENT ON COLUMN features_on_images.activation IS 'activation of the feature there, in the dictionary''s scaled units';
COMMENT ON COLUMN features_on_images.share_of_maximum IS 'activation over the feature''s largest activation on any row, 0 to 1';
COMMENT ON COLUMN features_on_images.y IS 'row of the receptive field''s centre in the image fitted to the network''s frame, pixels from the top';
COMMENT ON COLUMN features_on_images.x IS 'column of the receptive field''s centre in the image fitted to the network''s frame, pixels from the left';
COMMENT ON COLUMN features_on_images.element IS 'number of the group element by which the patch was transformed before the network saw it; 0: not transformed';
