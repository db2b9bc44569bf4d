-- Returns one row per grouped live feature, the members of a family in the order of orientation: its position on the map and in its family,
-- and the share of the prototype's strongest test images on which it is active after the transform.
SELECT
    f.family_analysis_id,
    a.dictionary_id,
    f.feature,
    f.family,
    f.strength,
    f.orientation_degrees,
    coalesce(f.mirrored, false) AS mirrored,
    f.similarity,
    f.map_x,
    f.map_y,
    f.stimulus_type,
    f.feature = s.prototype AS is_prototype,
    p.fired,
    p.chance
FROM feature_families AS f
JOIN family_analyses AS a USING (family_analysis_id)
LEFT JOIN family_shapes AS s USING (family_analysis_id, family)
LEFT JOIN family_pairs AS p ON p.family_analysis_id = f.family_analysis_id AND p.feature = s.prototype AND p.partner = f.feature
ORDER BY f.family_analysis_id, f.family, f.orientation_degrees, mirrored, f.similarity DESC, f.feature;
