-- Returns one row per top example of a live feature, the strongest first, with the name of its image.
SELECT e.dictionary_id, e.feature, i.name AS image_id, e.y, e.x, e.element, e.activation
FROM feature_examples AS e
JOIN features AS f USING (dictionary_id, feature)
JOIN images AS i USING (image_id)
WHERE NOT f.dead
ORDER BY e.dictionary_id, e.feature, e.rank;
