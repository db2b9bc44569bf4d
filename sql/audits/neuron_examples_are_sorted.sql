-- Guards: a neuron's top examples belong to a feature that contributes most on that many top rows, and are ranked 1, 2, 3, … by falling
-- activation.
WITH ranked AS (
    SELECT
        *,
        lag(activation) OVER by_rank AS activation_before,
        row_number() OVER by_rank AS expected_rank
    FROM neuron_examples
    WINDOW by_rank AS (PARTITION BY dictionary_id, neuron, feature ORDER BY rank)
)
SELECT e.dictionary_id, e.neuron, e.feature, e.rank, e.expected_rank, e.activation, e.activation_before, f.rows_carried, n.max_activation
FROM ranked AS e
LEFT JOIN neurons AS n USING (dictionary_id, neuron)
LEFT JOIN neuron_features AS f USING (dictionary_id, neuron, feature)
WHERE e.rank <> e.expected_rank
    OR e.activation > e.activation_before
    OR NOT coalesce(e.rank <= f.rows_carried, false)
    OR NOT (e.activation > 0 AND e.activation <= n.max_activation * (1 + 1e-4));
