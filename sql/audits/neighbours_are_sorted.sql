-- Guards: neighbours are other features of the same dictionary, ranked 1, 2, 3, … by falling cosine.
WITH ranked AS (
    SELECT
        *,
        lag(similarity) OVER by_rank AS similarity_before,
        row_number() OVER by_rank AS expected_rank
    FROM feature_neighbours
    WINDOW by_rank AS (PARTITION BY dictionary_id, feature ORDER BY rank)
)
SELECT r.dictionary_id, r.feature, r.rank, r.expected_rank, r.neighbour, r.similarity, r.similarity_before
FROM ranked AS r
LEFT JOIN features AS f ON f.dictionary_id = r.dictionary_id AND f.feature = r.neighbour
WHERE f.feature IS NULL
    OR r.neighbour = r.feature
    OR r.rank <> r.expected_rank
    OR r.similarity > r.similarity_before
    OR NOT r.similarity BETWEEN -1.0001 AND 1.0001;
