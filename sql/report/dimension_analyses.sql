-- One row per search for tuning dimensions: in which units and rows, and what the network still answers with only its first dimensions
-- kept, and with these removed.
WITH completeness AS (
    SELECT
        analysis,
        list(
            {
                'dimensions': dimensions,
                'frames': frames,
                'kept': agreement_kept,
                'removed': agreement_removed
            }
            ORDER BY dimensions
        ) AS completeness
    FROM dimension_completeness
    GROUP BY analysis
)
SELECT
    a.analysis,
    a.activation_set,
    a.dictionary,
    a.method,
    a.source,
    a.components,
    a.seed,
    a.rows,
    a.units,
    a.constant_units,
    coalesce(c.completeness, []) AS completeness
FROM dimension_analyses AS a
LEFT JOIN completeness AS c USING (analysis)
ORDER BY a.activation_set, a.dictionary NULLS FIRST, a.source DESC, a.components DESC, a.seed, a.analysis;
