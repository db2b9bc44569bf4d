-- Returns one row per (dimension analysis, dimension): its R² with each parameter of synthetic stimuli, its curve along the parameter that
-- it follows (the assigned one, otherwise the one with the largest R²), the estimates in its rendered images, and its harmonics of the
-- group.
WITH followed AS (
    SELECT dimension_analysis_id, dimension, parameter
    FROM tuning_scores
    QUALIFY row_number() OVER (PARTITION BY dimension_analysis_id, dimension ORDER BY assigned DESC, r_squared DESC, parameter) = 1
),
scores AS (
    SELECT
        dimension_analysis_id,
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
    GROUP BY dimension_analysis_id, dimension
),
curves AS (
    SELECT
        dimension_analysis_id,
        dimension,
        parameter,
        {
            'values': list(value ORDER BY value),
            'means': list(mean ORDER BY value),
            'stds': list(std ORDER BY value)
        } AS curve
    FROM dimension_curves
    GROUP BY dimension_analysis_id, dimension, parameter
),
paths AS (
    SELECT
        dimension_analysis_id,
        dimension,
        list(
            {'parameter': parameter, 'intended': intended, 'spearman': spearman, 'drift': drift}
            ORDER BY intended DESC, parameter
        ) AS paths
    FROM dimension_paths
    GROUP BY dimension_analysis_id, dimension
),
harmonics AS (
    SELECT dimension_analysis_id, dimension, list({'irrep': irrep, 'waves_per_turn': waves_per_turn, 'share': share}) AS harmonics
    FROM dimension_harmonics
    GROUP BY dimension_analysis_id, dimension
)
SELECT
    d.dimension_analysis_id,
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
LEFT JOIN followed AS f USING (dimension_analysis_id, dimension)
LEFT JOIN scores AS s USING (dimension_analysis_id, dimension)
LEFT JOIN curves AS c ON c.dimension_analysis_id = d.dimension_analysis_id AND c.dimension = d.dimension AND c.parameter = f.parameter
LEFT JOIN paths AS p ON p.dimension_analysis_id = d.dimension_analysis_id AND p.dimension = d.dimension
LEFT JOIN harmonics AS h ON h.dimension_analysis_id = d.dimension_analysis_id AND h.dimension = d.dimension
ORDER BY d.dimension_analysis_id, d.dimension;
