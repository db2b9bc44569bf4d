-- Guards: exactly the families with a period have reach, evenness, coverage and missing members. A profile has one entry per rotation and
-- starts at 1.
SELECT
    s.family_analysis_id,
    s.family,
    s.type,
    s.period_degrees,
    s.reach_degrees,
    s.evenness,
    s.covered,
    s.missing_members,
    s.missing_orientations,
    len(s.profile) AS profile_length,
    a.n_rotations
FROM family_shapes AS s
JOIN family_analyses AS a USING (family_analysis_id)
WHERE (a.group_order = 1) <> (s.type IS NULL)
    OR (s.type IS NULL) <> (s.stabiliser IS NULL)
    OR coalesce(s.type LIKE 'period-%' AND a.n_rotations > 1, false) <> (s.period_degrees IS NOT NULL)
    OR NOT coalesce(s.period_degrees > 0 AND s.period_degrees <= 360, true)
    OR (s.period_degrees IS NULL) <> (s.evenness IS NULL)
    OR (s.period_degrees IS NULL) <> (s.covered IS NULL)
    OR (s.period_degrees IS NULL) <> (s.reach_degrees IS NULL)
    OR (s.period_degrees IS NULL) <> (s.missing_members IS NULL)
    OR s.missing_members IS DISTINCT FROM len(s.missing_orientations)
    OR NOT coalesce(list_min(s.missing_orientations) >= 0 AND list_max(s.missing_orientations) < s.period_degrees, true)
    OR NOT coalesce(s.evenness BETWEEN 0 AND 1.000001, true)
    OR NOT coalesce(s.covered BETWEEN 0 AND 1.000001, true)
    OR NOT coalesce(s.reach_degrees > 0 AND s.reach_degrees <= s.period_degrees, true)
    OR NOT s.mean_similarity BETWEEN -1.0001 AND 1.0001
    OR (s.type IS NULL) <> (s.profile IS NULL)
    OR len(s.profile) <> a.n_rotations
    OR len(s.profile_low) IS DISTINCT FROM len(s.profile)
    OR len(s.profile_high) IS DISTINCT FROM len(s.profile)
    OR NOT coalesce(abs(s.profile[1] - 1) <= 1e-4, true)
    OR NOT coalesce(list_min(s.profile) >= -1.0001 AND list_max(s.profile) <= 1.0001, true)
    OR NOT coalesce(list_bool_and([pair[1] <= pair[2] FOR pair IN list_zip(s.profile_low, s.profile_high)]), true);
