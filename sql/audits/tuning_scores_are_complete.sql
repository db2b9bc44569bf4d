-- Guards: every dimension has a score for every parameter of its analysis, and dimensions and parameters are assigned one to one until
-- either is exhausted.
WITH counted AS (
    SELECT
        dimension_analysis_id,
        count(DISTINCT dimension) AS dimensions_scored,
        count(DISTINCT parameter) AS parameters,
        count(*) AS scores,
        count(*) FILTER (assigned) AS assigned_scores,
        count(DISTINCT dimension) FILTER (assigned) AS assigned_dimensions,
        count(DISTINCT parameter) FILTER (assigned) AS assigned_parameters
    FROM tuning_scores
    GROUP BY dimension_analysis_id
)
SELECT a.dimension_analysis_id, a.components, c.* EXCLUDE (dimension_analysis_id)
FROM dimension_analyses AS a
LEFT JOIN counted AS c USING (dimension_analysis_id)
WHERE c.dimensions_scored IS DISTINCT FROM a.components
    OR c.scores <> a.components * c.parameters
    OR c.assigned_scores <> least(a.components, c.parameters)
    OR c.assigned_dimensions <> c.assigned_scores
    OR c.assigned_parameters <> c.assigned_scores;
