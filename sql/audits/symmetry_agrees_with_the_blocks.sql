-- Guards: invariance is the mean of the transform profile, and mirror is its largest value over the reflections, if there are any.
SELECT
    s.dictionary_id,
    s.feature,
    s.invariance,
    avg(b.cosine_to_identity) AS mean_profile,
    s.mirror,
    max(b.cosine_to_identity) FILTER (b.mirrored) AS largest_reflection,
    s.mirror_element
FROM feature_symmetry AS s
JOIN transform_blocks AS b USING (dictionary_id, feature)
GROUP BY ALL
HAVING NOT abs(s.invariance - mean_profile) <= 1e-4
    OR (s.mirror IS NULL) <> (largest_reflection IS NULL)
    OR NOT abs(s.mirror - largest_reflection) <= 1e-4
    OR bool_or(b.mirrored) <> coalesce(bool_or(b.mirrored AND b.element = s.mirror_element), false);
