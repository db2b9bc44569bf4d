-- One row per feature that carries a neuron's top rows, the largest share first, of the features that have examples there.
SELECT n.dictionary, d.activation_set, n.neuron, n.feature, n.share, n.rows_carried
FROM neuron_features AS n
JOIN dictionaries AS d USING (dictionary)
WHERE EXISTS (
    FROM neuron_examples AS e
    WHERE e.dictionary = n.dictionary AND e.neuron = n.neuron AND e.feature = n.feature
)
ORDER BY n.dictionary, n.neuron, n.rank;
