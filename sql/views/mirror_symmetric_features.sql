-- Lists features that a reflection leaves unchanged, with the mirror axes of their stabiliser.
CREATE OR REPLACE VIEW mirror_symmetric_features AS
SELECT
    y.dictionary_id,
    n.dictionary_label,
    y.feature,
    s.network,
    s.layer,
    y.type,
    y.stabiliser,
    y.mirror,
    y.mirror_axes_degrees[1] AS axis_degrees,
    y.mirror_axes_degrees,
    f.density,
    f.max_activation
FROM feature_symmetry AS y
JOIN features AS f USING (dictionary_id, feature)
JOIN dictionaries AS d USING (dictionary_id)
JOIN activation_sets AS s USING (activation_set_id)
JOIN dictionary_labels() AS n USING (dictionary_id)
WHERE y.stabiliser = 'full' OR y.stabiliser LIKE 'D\_%' ESCAPE '\'
ORDER BY y.mirror DESC;
COMMENT ON VIEW mirror_symmetric_features IS 'one row per (dictionary_id, feature) whose stabiliser contains a reflection';
COMMENT ON COLUMN mirror_symmetric_features.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN mirror_symmetric_features.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN mirror_symmetric_features.feature IS 'number of the feature in its dictionary, counted from 0';
COMMENT ON COLUMN mirror_symmetric_features.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN mirror_symmetric_features.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN mirror_symmetric_features.type IS 'symmetry type: invariant (unchanged by every rotation), period-360, period-180, period-120, period-90, … (unchanged by rotations of that many degrees) or mixed (undecided)';
COMMENT ON COLUMN mirror_symmetric_features.stabiliser IS 'subgroup of transforms that leave the feature unchanged: trivial, C_k (k rotations), D_k (k rotations and k reflections) or full (the whole group)';
COMMENT ON COLUMN mirror_symmetric_features.mirror IS 'largest cosine in the transform profile over the reflections, -1 to 1';
COMMENT ON COLUMN mirror_symmetric_features.axis_degrees IS 'first of mirror_axes_degrees; the k axes of D_k are 180/k degrees apart';
COMMENT ON COLUMN mirror_symmetric_features.mirror_axes_degrees IS 'mirror axes of the stabiliser''s reflections, degrees counter-clockwise from the right, 0 to 180: the reflection r^a s, with a in degrees, has its axis at 90 + a/2; D_k has k axes; null where an earlier version analysed the dictionary';
COMMENT ON COLUMN mirror_symmetric_features.density IS 'share of rows on which the feature is active, 0 to 1';
COMMENT ON COLUMN mirror_symmetric_features.max_activation IS 'largest activation on any row, in the dictionary''s scaled units; 0 when dead';
