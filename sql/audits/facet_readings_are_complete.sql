-- Guards: every picture of a unit is read by the clean probe of every facet, once, and by no other.
WITH expected AS (
    SELECT p.analysis, p.place, f.facet
    FROM facet_pictures AS p
    JOIN facet_pictures AS f ON f.analysis = p.analysis AND f.attack = 'clean'
)
SELECT analysis, place, facet, count(r.logit) AS readings, min(r.logit) AS logit
FROM expected AS e
FULL JOIN facet_readings AS r USING (analysis, place, facet)
GROUP BY ALL
HAVING readings <> 1
    OR NOT isfinite(logit)
    OR bool_or(e.facet IS NULL);
