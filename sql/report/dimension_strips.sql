-- One row per (analysis, dimension): how far its score follows each parameter of drawn stimuli, its curve along the parameter that it
-- follows (the one assigned to it, else that of the largest R²), what was measured on images rendered along it, its harmonics of the group.
WITH followed AS (
    SELECT analysis, dimension, parameter
    FROM tuning_scores
    QUALIFY row_number() OVER (PARTITION BY analysis, dimension ORDER BY assigned DESC, r_squared DESC, parameter) = 1
),
scores AS (
    SELECT
        analysis,
        dimension,
        list(
            {
                'parameter': parameter,
                'r_squared': r_squared,
                'null_r_squared': null_r_squared,
                'p_value': p_value,
                'preferred': preferred,
                'assigned': assigned
            }
        ) AS scores
    FROM tuning_scores
    GROUP BY analysis, dimension
),
curves AS (
    SELECT
        analysis,
        dimension,
        parameter,
        {
            'values': list(value ORDER BY value),
            'means': list(mean ORDER BY value),
            'spreads': list(spread ORDER BY value)
        } AS curve
    FROM dimension_curves
    GROUP BY analysis, dimension, parameter
),
paths AS (
    SELECT
        analysis,
        dimension,
        list(
            {'parameter': parameter, 'intended': intended, 'spearman': spearman, 'drift': drift}
            ORDER BY intended DESC, parameter
        ) AS paths
    FROM dimension_paths
    GROUP BY analysis, dimension
),
harmonics AS (
    SELECT analysis, dimension, list({'irrep': irrep, 'frequency': frequency, 'share': share}) AS harmonics
    FROM dimension_harmonics
    GROUP BY analysis, dimension
)
SELECT
    d.analysis,
    d.dimension,
    d.explained_variance,
    d.cumulative_variance,
    d.low,
    d.high,
    f.parameter AS follows,
    coalesce(s.scores, []) AS scores,
    c.curve,
    coalesce(p.paths, []) AS paths,
    coalesce(h.harmonics, []) AS harmonics
FROM tuning_dimensions AS d
LEFT JOIN followed AS f USING (analysis, dimension)
LEFT JOIN scores AS s USING (analysis, dimension)
LEFT JOIN curves AS c ON c.analysis = d.analysis AND c.dimension = d.dimension AND c.parameter = f.parameter
LEFT JOIN paths AS p ON p.analysis = d.analysis AND p.dimension = d.dimension
LEFT JOIN harmonics AS h ON h.analysis = d.analysis AND h.dimension = d.dimension
ORDER BY d.analysis, d.dimension;
