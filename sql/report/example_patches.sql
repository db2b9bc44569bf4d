-- Returns the patch of each top example of a live feature, in the order of `examples`.
SELECT e.dictionary_id, e.feature, e.patch
FROM feature_examples AS e
JOIN features AS f USING (dictionary_id, feature)
JOIN images AS i USING (image_id)
WHERE NOT f.dead
ORDER BY e.dictionary_id, e.feature, e.rank;
