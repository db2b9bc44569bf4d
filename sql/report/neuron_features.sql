-- One row per feature that carries a neuron's top rows, the largest share first, of the features that have examples there.
SELECT n.dictionary_id, d.activation_set_id, n.neuron, n.feature, n.share, n.rows_carried
FROM neuron_features AS n
JOIN dictionaries AS d USING (dictionary_id)
WHERE EXISTS (
    FROM neuron_examples AS e
    WHERE e.dictionary_id = n.dictionary_id AND e.neuron = n.neuron AND e.feature = n.feature
)
ORDER BY n.dictionary_id, n.neuron, n.rank;
