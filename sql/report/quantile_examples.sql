-- Returns one row per quantile example of a live feature, the weakest first, with the name of its image.
SELECT e.dictionary_id, e.feature, e.quantile, i.name AS image, e.y, e.x, e.element, e.activation, e.patch
FROM quantile_examples AS e
JOIN images AS i USING (image_id)
ORDER BY e.dictionary_id, e.feature, e.quantile;
