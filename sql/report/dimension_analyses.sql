-- Returns one row per dimension analysis: its units and rows, and the network's predictions with only its first dimensions kept and with
-- these removed, with the 95 % intervals of these shares.
WITH completeness AS (
    SELECT
        dimension_analysis_id,
        list(
            {
                'dimensions': dimensions,
                'frames': frames,
                'kept': agreement_kept,
                'removed': agreement_removed,
                'kept_low': wilson_low(agreement_kept, frames),
                'kept_high': wilson_high(agreement_kept, frames),
                'removed_low': wilson_low(agreement_removed, frames),
                'removed_high': wilson_high(agreement_removed, frames)
            }
            ORDER BY dimensions
        ) AS completeness
    FROM dimension_completeness
    GROUP BY dimension_analysis_id
)
SELECT
    a.dimension_analysis_id,
    v.dimension_analysis_label,
    a.activation_set_id,
    a.dictionary_id,
    a.method,
    a.source,
    a.components,
    a.seed,
    a.rows,
    a.units,
    a.constant_units,
    coalesce(c.completeness, []) AS completeness
FROM dimension_analyses AS a
JOIN dimension_analysis_labels() AS v USING (dimension_analysis_id)
LEFT JOIN completeness AS c USING (dimension_analysis_id)
ORDER BY a.activation_set_id, a.dictionary_id NULLS FIRST, a.source DESC, a.components DESC, a.seed, a.dimension_analysis_id;
