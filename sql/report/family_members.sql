-- One row per live feature that was grouped, those of a family around its circle: its place on the map, its place in its family, and on what
-- share of the prototype's strongest unseen images it fires once they are turned to it.
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
