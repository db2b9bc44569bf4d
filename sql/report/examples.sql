-- One row per top example of a live feature, best first, with the name of the image it was cut from.
SELECT e.dictionary, e.feature, i.name AS image, e.y, e.x, e.element, e.activation, e.patch
FROM feature_examples AS e
JOIN features AS f USING (dictionary, feature)
JOIN images AS i USING (image)
WHERE NOT f.dead
ORDER BY e.dictionary, e.feature, e.rank;
