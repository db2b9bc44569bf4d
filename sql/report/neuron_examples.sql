-- Returns one row per top example of a neuron, grouped by the feature that contributes most, the strongest first, with the name of its
-- image.
SELECT e.dictionary_id, e.neuron, e.feature, i.name AS image_id, e.y, e.x, e.activation, e.patch
FROM neuron_examples AS e
JOIN images AS i USING (image_id)
ORDER BY e.dictionary_id, e.neuron, e.feature, e.rank;
