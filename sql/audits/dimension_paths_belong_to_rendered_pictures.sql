-- Guards: orientation and frequency are estimated for exactly the dimensions with rendered pictures, and `intended` agrees with the
-- assignment in tuning_scores.
WITH rendered AS (
    SELECT DISTINCT p.dimension_analysis_id, p.dimension, m.parameter
    FROM dimension_pictures AS p
    CROSS JOIN (VALUES ('orientation'), ('frequency')) AS m (parameter)
    WHERE p.kind = 'rendered'
)
SELECT
    dimension_analysis_id,
    dimension,
    parameter,
    r.dimension IS NOT NULL AS is_rendered,
    p.intended,
    s.assigned,
    p.spearman,
    p.drift
FROM rendered AS r
FULL JOIN dimension_paths AS p USING (dimension_analysis_id, dimension, parameter)
LEFT JOIN tuning_scores AS s USING (dimension_analysis_id, dimension, parameter)
WHERE r.dimension IS NULL
    OR p.dimension IS NULL
    OR p.intended IS DISTINCT FROM s.assigned
    OR NOT p.spearman BETWEEN -1.000001 AND 1.000001
    OR NOT (p.drift >= 0 AND isfinite(p.drift))
    OR (parameter = 'orientation' AND p.drift > 1.000001);
