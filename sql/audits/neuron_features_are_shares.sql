-- Guards: exactly the neurons with positive contributions have features, each once, ranked 1, 2, 3, … by falling share. Shares sum to at
-- most 1, and no top row counts for two features.
WITH ranked AS (
    SELECT
        *,
        lag(share) OVER by_rank AS share_before,
        row_number() OVER by_rank AS expected_rank,
        sum(share) OVER of_neuron AS all_shares,
        (sum(rows_carried) OVER of_neuron)::BIGINT AS all_rows,
        count(*) OVER (PARTITION BY dictionary_id, neuron, feature) AS times
    FROM neuron_features
    WINDOW by_rank AS (PARTITION BY dictionary_id, neuron ORDER BY rank), of_neuron AS (PARTITION BY dictionary_id, neuron)
)
SELECT n.dictionary_id, n.neuron, r.rank, r.expected_rank, r.feature, r.share, r.share_before, r.all_shares, r.all_rows, n.top_rows
FROM neurons AS n
LEFT JOIN ranked AS r USING (dictionary_id, neuron)
WHERE coalesce(n.carried > 0, false) <> (r.rank IS NOT NULL)
    OR r.rank <> r.expected_rank
    OR r.share > r.share_before
    OR NOT (r.share > 0 AND r.all_shares <= 1 + 1e-4)
    OR NOT (r.rows_carried >= 0 AND r.all_rows <= n.top_rows)
    OR r.times > 1;
