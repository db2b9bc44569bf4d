-- Returns one row per picture of a unit, plain or under a facet: the facet, the attack, and the logit of every facet's clean probe.
WITH readings AS (
    SELECT r.facet_analysis_id, r.place, list({'facet': c.name, 'logit': r.logit} ORDER BY c.name) AS readings
    FROM facet_readings AS r
    JOIN concepts AS c ON c.concept_id = r.facet_id
    GROUP BY r.facet_analysis_id, r.place
)
SELECT
    p.facet_analysis_id,
    p.place,
    p.attack,
    f.name AS facet,
    t.name AS target_facet,
    p.accuracy,
    p.cosine,
    coalesce(r.readings, []) AS readings,
    p.picture
FROM facet_pictures AS p
LEFT JOIN concepts AS f ON f.concept_id = p.facet_id
LEFT JOIN concepts AS t ON t.concept_id = p.target_facet_id
LEFT JOIN readings AS r ON r.facet_analysis_id = p.facet_analysis_id AND r.place = p.place
ORDER BY p.facet_analysis_id, p.place;
