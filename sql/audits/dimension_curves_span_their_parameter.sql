-- Guards: a dimension has a curve for exactly the parameters that it has a score for, at the same values throughout an analysis.
WITH curves AS (
    SELECT
        dimension_analysis_id,
        dimension,
        parameter,
        list(value ORDER BY value) AS values,
        bool_and(isfinite(mean) AND isfinite(std) AND std >= 0) AS possible
    FROM dimension_curves
    GROUP BY ALL
),
compared AS (
    SELECT *, first_value(values) OVER (PARTITION BY dimension_analysis_id, parameter ORDER BY dimension) AS expected_values
    FROM curves
)
SELECT dimension_analysis_id, dimension, parameter, s.r_squared, c.values, c.expected_values, c.possible
FROM tuning_scores AS s
FULL JOIN compared AS c USING (dimension_analysis_id, dimension, parameter)
WHERE s.r_squared IS NULL
    OR c.values IS NULL
    OR c.values <> c.expected_values
    OR NOT c.possible
    OR NOT CASE
        WHEN parameter IN ('orientation', 'colour') THEN c.values[1] >= 0 AND c.values[-1] < 180
        WHEN parameter IN ('phase', 'direction') THEN c.values[1] >= 0 AND c.values[-1] < 360
        WHEN parameter = 'frequency' THEN c.values[1] > 0 AND c.values[-1] <= 0.5
        ELSE c.values[1] >= 0 AND isfinite(c.values[-1])
    END;
