-- Guards: a family's prototype is a member with orientation 0 and similarity 1, and mean_similarity is the mean over the members.
SELECT s.family_analysis_id, s.family, s.prototype, p.family AS prototype_family, p.element, p.orientation_degrees, p.similarity, s.mean_similarity
FROM family_shapes AS s
JOIN feature_families AS m USING (family_analysis_id, family)
LEFT JOIN feature_families AS p ON p.family_analysis_id = s.family_analysis_id AND p.feature = s.prototype
GROUP BY s.family_analysis_id, s.family, s.prototype, prototype_family, p.element, p.orientation_degrees, p.similarity, s.mean_similarity
HAVING prototype_family IS DISTINCT FROM s.family
    OR p.element <> 0
    OR p.orientation_degrees <> 0
    OR NOT abs(p.similarity - 1) <= 1e-4
    OR NOT abs(s.mean_similarity - avg(m.similarity)) <= 1e-4;
