-- Guards: the intervals of a feature's histogram are geometric, hold the maximum, and their rows are the feature's density times all rows.
-- A dictionary has histograms of all its live features or of none.
WITH summed AS (
    SELECT dictionary_id, feature, sum(rows)::BIGINT AS rows_in_bins, max(upper) AS highest_upper, max_by(lower, bin) AS highest_lower
    FROM activation_histograms
    GROUP BY dictionary_id, feature
),
expected AS (
    SELECT
        f.dictionary_id,
        f.feature,
        f.density * s.orbits * CASE WHEN coalesce(d.orbit_reuse, false) THEN s.group_order ELSE 1 END AS rows_expected,
        f.max_activation
    FROM features AS f
    JOIN dictionaries AS d USING (dictionary_id)
    JOIN activation_sets AS s USING (activation_set_id)
    WHERE NOT f.dead AND f.dictionary_id IN (SELECT dictionary_id FROM activation_histograms)
)
SELECT dictionary_id, feature, NULL AS bin, rows_in_bins, rows_expected, highest_lower AS lower, highest_upper AS upper, max_activation
FROM expected
FULL JOIN summed USING (dictionary_id, feature)
WHERE coalesce(abs(rows_in_bins - rows_expected) > 1e-6 * rows_expected + 1e-6, true)
    OR max_activation * (1 + 1e-4) < highest_lower
    OR max_activation * (1 - 1e-4) >= highest_upper
UNION ALL
SELECT dictionary_id, feature, bin, rows, NULL, lower, upper, NULL
FROM activation_histograms
WHERE rows < 1
    OR bin NOT BETWEEN -64 AND 63
    OR (bin > -64 AND NOT abs(lower / 2 ** (bin / 4.0) - 1) < 1e-9)
    OR (bin < 63 AND NOT abs(upper / 2 ** ((bin + 1) / 4.0) - 1) < 1e-9)
    OR (bin = -64 AND lower <> 0);
