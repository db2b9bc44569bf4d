-- Which features look the same in a mirror, and along which axis?
CREATE OR REPLACE VIEW mirror_symmetric_features AS
SELECT
    y.dictionary_id,
    y.feature,
    s.network,
    s.layer,
    y.type,
    y.stabiliser,
    y.mirror,
    (90 + b.rotation_degrees / 2) % 180 AS axis_degrees,
    f.density,
    f.max_activation
FROM feature_symmetry AS y
JOIN features AS f USING (dictionary_id, feature)
JOIN dictionaries AS d USING (dictionary_id)
JOIN activation_sets AS s USING (activation_set_id)
JOIN transform_blocks AS b ON b.dictionary_id = y.dictionary_id AND b.feature = y.feature AND b.element = y.mirror_element
WHERE y.stabiliser = 'full' OR y.stabiliser LIKE 'D\_%' ESCAPE '\'
ORDER BY y.mirror DESC;
COMMENT ON VIEW mirror_symmetric_features IS 'one row per (dictionary, feature) whose stabiliser holds a reflection';
COMMENT ON COLUMN mirror_symmetric_features.axis_degrees IS 'direction of the best mirror axis, counter-clockwise from the right: r^a s leaves the axis at 90° + a/2 in place';
