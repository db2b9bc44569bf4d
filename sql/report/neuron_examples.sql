-- One row per top example of a neuron, split by the feature that carries it, best first, with the name of its image.
SELECT e.dictionary, e.neuron, e.feature, i.name AS image, e.y, e.x, e.activation, e.patch
FROM neuron_examples AS e
JOIN images AS i USING (image)
ORDER BY e.dictionary, e.neuron, e.feature, e.rank;
