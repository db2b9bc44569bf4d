-- One row per optimised image of a live feature, along its direction before against it.
SELECT v.dictionary_id, v.feature, v.direction, v.picture
FROM feature_visualisations AS v
JOIN features AS f USING (dictionary_id, feature)
WHERE NOT f.dead
ORDER BY v.dictionary_id, v.feature, v.direction DESC;
