-- One row per optimised image of a live feature, along its direction before against it.
SELECT v.dictionary, v.feature, v.direction, v.picture
FROM feature_visualisations AS v
JOIN features AS f USING (dictionary, feature)
WHERE NOT f.dead
ORDER BY v.dictionary, v.feature, v.direction DESC;
