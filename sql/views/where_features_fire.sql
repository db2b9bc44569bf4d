-- Shows in which images, and in how much of each, a feature fires.
CREATE OR REPLACE VIEW where_features_fire AS
SELECT
    h.dictionary_id,
    v.dictionary_label,
    h.feature,
    h.rank,
    e.image_id,
    i.name AS image_name,
    e.activation,
    e.element,
    e.y - p.first_px AS y_px,
    e.x - p.first_px AS x_px,
    h.maximum,
    h.map_rows,
    h.map_columns,
    h.first_y_px,
    h.first_x_px,
    h.stride_px,
    p.side_px
FROM feature_heat_maps AS h
JOIN feature_examples AS e USING (dictionary_id, feature, rank)
JOIN images AS i USING (image_id)
JOIN dictionaries AS d USING (dictionary_id)
JOIN image_frames AS p ON p.activation_set_id = d.activation_set_id AND p.image_id = e.image_id
JOIN dictionary_labels() AS v ON v.dictionary_id = h.dictionary_id
ORDER BY h.dictionary_id, h.feature, h.rank;
COMMENT ON VIEW where_features_fire IS 'one row per (dictionary_id, feature, rank): a heat-map of the feature over the image of one of its three strongest examples; feature_heat_maps has the map and image_frames the image';
COMMENT ON COLUMN where_features_fire.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN where_features_fire.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN where_features_fire.feature IS 'number of the feature in its dictionary, counted from 0';
COMMENT ON COLUMN where_features_fire.rank IS 'rank of the example by activation, 1 for the strongest';
COMMENT ON COLUMN where_features_fire.image_id IS 'content key of the image; refers to images';
COMMENT ON COLUMN where_features_fire.image_name IS 'name of the image';
COMMENT ON COLUMN where_features_fire.activation IS 'activation of the feature on the example, in the dictionary''s scaled units';
COMMENT ON COLUMN where_features_fire.element IS 'number of the group element by which the example''s patch was transformed; the map is of the untransformed image in any case';
COMMENT ON COLUMN where_features_fire.y_px IS 'row of the example''s centre, pixels from the top of the picture';
COMMENT ON COLUMN where_features_fire.x_px IS 'column of the example''s centre, pixels from the left of the picture';
COMMENT ON COLUMN where_features_fire.maximum IS 'largest activation in the map, in the dictionary''s scaled units; 0: the feature is silent on the untransformed image';
COMMENT ON COLUMN where_features_fire.map_rows IS 'number of rows of the map';
COMMENT ON COLUMN where_features_fire.map_columns IS 'number of columns of the map';
COMMENT ON COLUMN where_features_fire.first_y_px IS 'row at which the units of the map''s first row look, pixels from the top of the picture';
COMMENT ON COLUMN where_features_fire.first_x_px IS 'column at which the units of the map''s first column look, pixels from the left of the picture';
COMMENT ON COLUMN where_features_fire.stride_px IS 'distance between neighbouring entries of the map, pixels';
COMMENT ON COLUMN where_features_fire.side_px IS 'side of the picture, pixels';
