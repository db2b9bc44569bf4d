-- Guards: a quantile's example lies in the interval of the feature's histogram that contains the quantile, and no other quantile's does.
WITH cumulative AS (
    SELECT
        *,
        (sum(rows) OVER (PARTITION BY dictionary_id, feature ORDER BY bin))::BIGINT AS through,
        (sum(rows) OVER (PARTITION BY dictionary_id, feature))::BIGINT AS total
    FROM activation_histograms
)
SELECT q.dictionary_id, q.feature, q.quantile, q.activation, c.lower, c.upper, c.through, c.total
FROM quantile_examples AS q
LEFT JOIN cumulative AS c
    ON c.dictionary_id = q.dictionary_id AND c.feature = q.feature AND q.activation >= c.lower AND q.activation < c.upper
QUALIFY c.bin IS NULL
    OR NOT (c.through - c.rows < q.quantile * c.total AND q.quantile * c.total <= c.through)
    OR count(*) OVER (PARTITION BY q.dictionary_id, q.feature, c.bin) > 1;
