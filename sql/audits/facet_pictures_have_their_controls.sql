-- Guards: an analysis has exactly one plain picture and at least one clean one, numbered from 0. Every facet has exactly one clean picture,
-- one with noise, and at most one for each attack and target.
WITH facets AS (
    SELECT
        facet_analysis_id,
        facet_id,
        count(*) FILTER (attack = 'plain') AS plain,
        count(*) FILTER (attack = 'clean') AS clean,
        count(*) FILTER (attack = 'noise') AS noise,
        count(*) AS pictures,
        count(DISTINCT (attack, coalesce(target_facet_id, ''))) AS different
    FROM facet_pictures
    GROUP BY facet_analysis_id, facet_id
),
analyses AS (
    SELECT
        a.facet_analysis_id,
        count(p.place) FILTER (p.attack = 'plain') AS plain,
        count(p.place) FILTER (p.attack = 'clean') AS clean,
        count(p.place) AS pictures,
        count(DISTINCT p.place) AS places,
        min(p.place) AS first,
        max(p.place) AS last
    FROM facet_analyses AS a
    LEFT JOIN facet_pictures AS p USING (facet_analysis_id)
    GROUP BY a.facet_analysis_id
)
SELECT facet_analysis_id, facet_id, plain, clean, noise, pictures, different, NULL::INTEGER AS first, NULL::INTEGER AS last
FROM facets
WHERE facet_id IS NOT NULL AND (clean, noise, pictures) <> (1, 1, different)
UNION ALL BY NAME
SELECT * EXCLUDE (places)
FROM analyses
WHERE plain <> 1
    OR clean = 0
    OR (places, first, last) IS DISTINCT FROM (pictures, 0, pictures - 1);
