-- Guards: what an analysis compares differs: its concepts, random sets and classes share no image.
WITH sets AS (
    SELECT DISTINCT s.analysis, unnest([c.concept, c.random, s.class]) AS concept
    FROM tcav_scores AS s
    JOIN cavs AS c USING (cav)
)
SELECT s.analysis, e.image, list(DISTINCT concept ORDER BY concept) AS concepts, min(e.name) AS name
FROM sets AS s
JOIN concept_exemplars AS e USING (concept)
GROUP BY s.analysis, e.image
HAVING len(concepts) > 1;
