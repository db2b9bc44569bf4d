-- Guards: exactly the members of families have a group element and a similarity, and exactly those of families with a period have an
-- orientation, which lies within the period.
SELECT
    m.family_analysis_id,
    m.feature,
    m.family,
    m.element,
    m.mirrored,
    m.orientation_degrees,
    s.period_degrees,
    m.similarity,
    m.strength,
    m.stimulus_confidence
FROM feature_families AS m
JOIN family_analyses AS a USING (family_analysis_id)
LEFT JOIN family_shapes AS s USING (family_analysis_id, family)
WHERE (m.family IS NULL) <> (m.element IS NULL)
    OR (m.family IS NULL) <> (m.similarity IS NULL)
    OR m.mirrored IS DISTINCT FROM (m.element >= a.n_rotations)
    OR NOT coalesce(m.element BETWEEN 0 AND a.group_order - 1, true)
    OR (m.orientation_degrees IS NULL) <> (s.period_degrees IS NULL)
    OR NOT coalesce(m.orientation_degrees >= 0 AND m.orientation_degrees < s.period_degrees, true)
    OR NOT coalesce(m.similarity BETWEEN -1.0001 AND 1.0001, true)
    OR NOT m.strength BETWEEN 0 AND 1
    OR (m.stimulus_type IS NULL) <> (m.stimulus_confidence IS NULL)
    OR NOT coalesce(m.stimulus_confidence BETWEEN 0 AND 1, true)
    OR NOT (isfinite(m.map_x) AND isfinite(m.map_y));
