-- Guards: an analysis holds each live feature of its dictionary and no other, as many as it says.
WITH expected AS (
    SELECT a.analysis, f.feature
    FROM family_analyses AS a
    JOIN features AS f USING (dictionary)
    WHERE NOT f.dead
)
SELECT analysis, e.feature AS live_feature, m.feature AS feature_found, a.features
FROM expected AS e
FULL JOIN feature_families AS m USING (analysis, feature)
LEFT JOIN family_analyses AS a USING (analysis)
QUALIFY live_feature IS NULL OR feature_found IS NULL OR a.features <> count(DISTINCT e.feature) OVER (PARTITION BY analysis);
