-- Guards: every picture of an analysis has exactly one logit for the clean probe of every facet, and no other.
WITH expected AS (
    SELECT p.facet_analysis_id, p.place, f.facet_id
    FROM facet_pictures AS p
    JOIN facet_pictures AS f ON f.facet_analysis_id = p.facet_analysis_id AND f.attack = 'clean'
)
SELECT facet_analysis_id, place, facet_id, count(r.logit) AS readings, min(r.logit) AS logit
FROM expected AS e
FULL JOIN facet_readings AS r USING (facet_analysis_id, place, facet_id)
GROUP BY ALL
HAVING readings <> 1
    OR NOT isfinite(logit)
    OR bool_or(e.facet_id IS NULL);
