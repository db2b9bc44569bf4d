-- Guards: the reversed pair has the inverse element, r^(n - k) for r^k and the same one for a reflection, and the same similarity. In a
-- family of more than 65 members a feature has its 64 most similar partners alone, so the reversed pair may be missing.
SELECT p.family_analysis_id, p.feature, p.partner, p.element, back.element AS element_back, p.similarity, back.similarity AS similarity_back, s.size
FROM family_pairs AS p
JOIN family_analyses AS a USING (family_analysis_id)
JOIN feature_families AS f USING (family_analysis_id, feature)
JOIN family_shapes AS s USING (family_analysis_id, family)
LEFT JOIN family_pairs AS back ON back.family_analysis_id = p.family_analysis_id AND back.feature = p.partner AND back.partner = p.feature
WHERE (back.element IS NULL AND s.size <= 65)
    OR back.element <> CASE WHEN p.element < a.n_rotations THEN (a.n_rotations - p.element) % a.n_rotations ELSE p.element END
    OR abs(p.similarity - back.similarity) > 1e-4;
