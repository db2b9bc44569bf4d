-- Guards: a feature's neurons are channels of the layer, each once, ranked 1, 2, 3, … by falling |weight|; their shares are those of a sum of
-- squares and make up at most all of it.
WITH ranked AS (
    SELECT
        *,
        lag(abs(weight)) OVER by_rank AS size_before,
        row_number() OVER by_rank AS expected_rank,
        sum(share) OVER of_feature AS all_shares,
        first_value(share / weight ** 2) OVER by_rank AS share_of_square,
        count(*) OVER (PARTITION BY dictionary_id, feature, neuron) AS times
    FROM feature_neurons
    WINDOW by_rank AS (PARTITION BY dictionary_id, feature ORDER BY rank), of_feature AS (PARTITION BY dictionary_id, feature)
)
SELECT r.dictionary_id, r.feature, r.rank, r.expected_rank, r.neuron, r.weight, r.size_before, r.share, r.all_shares
FROM ranked AS r
JOIN dictionaries AS d USING (dictionary_id)
WHERE r.rank <> r.expected_rank
    OR abs(r.weight) > r.size_before
    OR NOT (r.share > 0 AND r.all_shares <= 1 + 1e-6)
    OR NOT abs(r.share - r.share_of_square * r.weight ** 2) <= 1e-6
    OR r.neuron NOT BETWEEN 0 AND d.channels - 1
    OR r.times > 1;
