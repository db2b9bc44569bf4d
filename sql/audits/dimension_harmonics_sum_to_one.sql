-- Guards: where rows are orbits, the shares of the irreducible representations sum to 1 for every dimension, over the same representations
-- throughout an analysis.
WITH divided AS (
    SELECT
        dimension_analysis_id,
        dimension,
        sum(share) AS total,
        min(share) AS least,
        min(waves_per_turn) AS lowest,
        max(waves_per_turn) AS highest,
        list(irrep ORDER BY irrep) AS irreps
    FROM dimension_harmonics
    GROUP BY ALL
),
compared AS (
    SELECT
        *,
        first_value(irreps) OVER (PARTITION BY dimension_analysis_id ORDER BY dimension) AS expected_irreps,
        count(*) OVER (PARTITION BY dimension_analysis_id) AS dimensions
    FROM divided
)
SELECT a.dimension_analysis_id, c.* EXCLUDE (dimension_analysis_id), a.components, s.n_rotations, s.group_order
FROM dimension_analyses AS a
JOIN activation_sets AS s USING (activation_set_id)
LEFT JOIN compared AS c USING (dimension_analysis_id)
WHERE coalesce(c.dimensions, 0) <> CASE WHEN s.group_order > 1 AND s.transformations <> 'scale' THEN a.components ELSE 0 END
    OR NOT abs(c.total - 1) <= 1e-4
    OR NOT c.least >= -1e-6
    OR c.lowest < 0
    OR c.highest > s.n_rotations / 2
    OR c.irreps <> c.expected_irreps;
