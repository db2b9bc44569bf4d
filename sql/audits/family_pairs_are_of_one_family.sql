-- Guards: a pair consists of two different members of one family, its element belongs to the group, and its shares are measured on at most
-- 8 images.
SELECT
    p.family_analysis_id,
    p.feature,
    p.partner,
    f.family,
    g.family AS partner_family,
    p.element,
    a.group_order,
    p.similarity,
    p.examples,
    p.fired,
    p.chance
FROM family_pairs AS p
LEFT JOIN feature_families AS f USING (family_analysis_id, feature)
LEFT JOIN feature_families AS g ON g.family_analysis_id = p.family_analysis_id AND g.feature = p.partner
LEFT JOIN family_analyses AS a ON a.family_analysis_id = p.family_analysis_id
WHERE coalesce(f.family <> g.family, true)
    OR p.feature = p.partner
    OR NOT p.element BETWEEN 0 AND a.group_order - 1
    OR NOT p.similarity BETWEEN -1.0001 AND 1.0001
    OR NOT p.examples BETWEEN 0 AND 8
    OR (p.examples = 0) <> (p.fired IS NULL)
    OR (p.examples = 0) <> (p.chance IS NULL)
    OR NOT coalesce(p.fired BETWEEN 0 AND 1 AND p.chance BETWEEN 0 AND 1, true);
