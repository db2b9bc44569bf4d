-- Guards: the top examples of a feature are ranked 1, 2, 3, … by falling activation, and none exceeds the feature's maximum.
WITH ranked AS (
    SELECT
        e.dictionary_id,
        e.feature,
        e.rank,
        e.activation,
        f.max_activation,
        lag(e.activation) OVER by_rank AS activation_before,
        row_number() OVER by_rank AS expected_rank
    FROM feature_examples AS e
    JOIN features AS f USING (dictionary_id, feature)
    WINDOW by_rank AS (PARTITION BY e.dictionary_id, e.feature ORDER BY e.rank)
)
SELECT dictionary_id, feature, rank, expected_rank, activation, activation_before, max_activation
FROM ranked
WHERE rank <> expected_rank
    OR activation > activation_before
    OR NOT (activation > 0 AND activation <= max_activation * (1 + 1e-4));
