-- Guards: R² values are shares, null_r_squared is the same for all dimensions of an analysis, and a larger R² has no larger p-value.
-- Exactly the circular parameters have a preferred value, which lies within the period.
WITH ranked AS (
    SELECT
        *,
        lag(p_value) OVER (PARTITION BY dimension_analysis_id, parameter ORDER BY r_squared DESC, p_value) AS p_value_of_closer,
        min(null_r_squared) OVER (PARTITION BY dimension_analysis_id, parameter) AS least_null,
        CASE
            WHEN parameter IN ('orientation', 'colour') THEN 180
            WHEN parameter IN ('phase', 'direction') THEN 360
        END AS period
    FROM tuning_scores
)
SELECT dimension_analysis_id, dimension, parameter, r_squared, null_r_squared, least_null, p_value, p_value_of_closer, preferred, period
FROM ranked
WHERE parameter NOT IN ('orientation', 'frequency', 'phase', 'colour', 'direction', 'curvature')
    OR NOT r_squared BETWEEN 0 AND 1.000001
    OR NOT null_r_squared BETWEEN 0 AND 1.000001
    OR null_r_squared <> least_null
    OR NOT (p_value > 0 AND p_value <= 1)
    OR p_value < p_value_of_closer
    OR (preferred IS NULL) <> (period IS NULL)
    OR NOT coalesce(preferred >= 0 AND preferred < period, true);
