-- Returns one row per feature that contributes to a neuron's top rows and has examples there, the largest share first.
SELECT n.dictionary_id, d.activation_set_id, n.neuron, n.feature, n.share, n.rows_carried
FROM neuron_features AS n
JOIN dictionaries AS d USING (dictionary_id)
WHERE EXISTS (
    FROM neuron_examples AS e
    WHERE e.dictionary_id = n.dictionary_id AND e.neuron = n.neuron AND e.feature = n.feature
)
ORDER BY n.dictionary_id, n.neuron, n.rank;
