-- Returns one row per heat-map of a live feature, that of the strongest example first: its place over the image, in pixels of the image.
SELECT
    w.dictionary_id,
    w.feature,
    w.rank,
    d.activation_set_id,
    w.image_id,
    w.image_name AS image,
    w.activation,
    w.element,
    w.y_px,
    w.x_px,
    w.maximum,
    w.map_rows,
    w.map_columns,
    w.first_y_px,
    w.first_x_px,
    w.stride_px,
    w.side_px,
    h.picture
FROM where_features_fire AS w
JOIN feature_heat_maps AS h USING (dictionary_id, feature, rank)
JOIN dictionaries AS d USING (dictionary_id)
ORDER BY w.dictionary_id, w.feature, w.rank;
