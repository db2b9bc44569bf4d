-- Returns one row per optimised image of a live feature, the positive direction before the negative one.
SELECT v.dictionary_id, v.feature, v.direction, v.picture
FROM feature_visualisations AS v
JOIN features AS f USING (dictionary_id, feature)
WHERE NOT f.dead
ORDER BY v.dictionary_id, v.feature, v.direction DESC;
