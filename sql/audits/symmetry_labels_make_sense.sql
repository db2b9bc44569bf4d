-- Guards: a type agrees with its period, confidence is a share, the stabiliser's order divides |G| (Lagrange), and it has a mirror axis
-- for each of its reflections. Scales have a preferred one in place of these.
SELECT
    s.dictionary_id,
    s.feature,
    s.type,
    s.period_degrees,
    s.confidence,
    s.rotational_order,
    s.stabiliser,
    s.stabiliser_order,
    s.mirror_axes_degrees,
    s.preferred_octaves,
    d.group_order
FROM feature_symmetry AS s
JOIN dictionaries AS d USING (dictionary_id)
JOIN activation_sets AS a USING (activation_set_id)
WHERE (s.type LIKE 'period-%') <> (s.period_degrees IS NOT NULL)
    OR NOT coalesce(s.period_degrees > 0 AND s.period_degrees <= 360, true)
    OR (s.type = 'tuned' AND a.transformations <> 'scale')
    OR (s.period_degrees IS NOT NULL AND a.transformations = 'scale')
    OR (s.rotational_order IS NULL) <> (a.transformations = 'scale')
    OR (s.stabiliser IS NULL) <> (a.transformations = 'scale')
    OR (s.stabiliser_order IS NULL) <> (a.transformations = 'scale')
    OR (s.preferred_octaves IS NOT NULL) <> (a.transformations = 'scale')
    OR NOT coalesce(abs(s.preferred_octaves) <= a.octaves + 1e-6, true)
    OR NOT s.confidence BETWEEN 0 AND 1
    OR s.rotational_order < 0
    OR s.stabiliser_order < 1
    OR d.group_order % s.stabiliser_order <> 0
    OR (s.stabiliser = 'trivial') <> (s.stabiliser_order = 1)
    OR (s.stabiliser = 'full') <> (s.stabiliser_order = d.group_order)
    OR NOT CASE
        WHEN s.mirror_axes_degrees IS NULL THEN true
        WHEN s.stabiliser = 'full' THEN len(s.mirror_axes_degrees) IN (0, s.stabiliser_order // 2)
        WHEN s.stabiliser LIKE 'D\_%' ESCAPE '\' THEN len(s.mirror_axes_degrees) = s.stabiliser_order // 2
        ELSE len(s.mirror_axes_degrees) = 0
    END
    OR coalesce(list_min(s.mirror_axes_degrees), 0) < 0
    OR coalesce(list_max(s.mirror_axes_degrees), 0) >= 180;
