-- One row per picture of a unit, plain or under a facet: which images the probe saw, and how much the clean probes find of each facet.
WITH readings AS (
    SELECT r.analysis, r.place, list({'facet': c.name, 'logit': r.logit} ORDER BY c.name) AS readings
    FROM facet_readings AS r
    JOIN concepts AS c ON c.concept = r.facet
    GROUP BY r.analysis, r.place
)
SELECT
    p.analysis,
    p.place,
    p.attack,
    f.name AS facet,
    t.name AS target,
    p.accuracy,
    p.cosine,
    coalesce(r.readings, []) AS readings,
    p.picture
FROM facet_pictures AS p
LEFT JOIN concepts AS f ON f.concept = p.facet
LEFT JOIN concepts AS t ON t.concept = p.target
LEFT JOIN readings AS r ON r.analysis = p.analysis AND r.place = p.place
ORDER BY p.analysis, p.place;
