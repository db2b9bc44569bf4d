-- Guards: the classes that an ablation lowers have negative changes and those that it raises positive ones, ranked 1, 2, 3, … by falling size;
-- each class is one of the network's, named once; a standard error is missing for one image only.
WITH ranked AS (
    SELECT
        *,
        lag(abs(change)) OVER by_rank AS size_before,
        row_number() OVER by_rank AS expected_rank,
        count(*) OVER (PARTITION BY dictionary_id, feature, class_index) AS times
    FROM feature_logit_effects
    WINDOW by_rank AS (PARTITION BY dictionary_id, feature, direction ORDER BY rank)
)
SELECT r.dictionary_id, r.feature, r.direction, r.rank, r.expected_rank, r.class_index, r.change, r.size_before, r.std_error, r.images
FROM ranked AS r
JOIN dictionaries AS d USING (dictionary_id)
JOIN activation_sets AS s USING (activation_set_id)
JOIN networks AS n USING (network)
WHERE r.rank <> r.expected_rank
    OR r.rank > CASE r.direction WHEN 'lowered' THEN 5 ELSE 2 END
    OR abs(r.change) > r.size_before
    OR NOT (isfinite(r.change) AND (r.change < 0) = (r.direction = 'lowered') AND r.change <> 0)
    OR r.images < 1
    OR (r.std_error IS NULL) <> (r.images = 1)
    OR NOT (r.std_error >= 0 AND isfinite(r.std_error))
    OR r.class_index NOT BETWEEN 0 AND n.classes - 1
    OR trim(r.class_name) = ''
    OR r.times > 1;
