-- Guards: an analysis contains every live feature of its dictionary and no other, and live_features is their number.
WITH expected AS (
    SELECT a.family_analysis_id, f.feature
    FROM family_analyses AS a
    JOIN features AS f USING (dictionary_id)
    WHERE NOT f.dead
)
SELECT family_analysis_id, e.feature AS live_feature, m.feature AS feature_found, a.live_features
FROM expected AS e
FULL JOIN feature_families AS m USING (family_analysis_id, feature)
LEFT JOIN family_analyses AS a USING (family_analysis_id)
QUALIFY live_feature IS NULL OR feature_found IS NULL OR a.live_features <> count(DISTINCT e.feature) OVER (PARTITION BY family_analysis_id);
