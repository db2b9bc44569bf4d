-- Returns one row per decomposed neuron, the most mixed of each dictionary: the most stimulus types first, then the smallest largest share.
SELECT
    p.dictionary_id,
    d.activation_set_id,
    p.neuron,
    p.types,
    p.share,
    p.explained,
    p.top_rows,
    count(*) OVER (PARTITION BY p.dictionary_id) AS found
FROM polysemantic_neurons AS p
JOIN dictionaries AS d USING (dictionary_id)
QUALIFY row_number() OVER (PARTITION BY p.dictionary_id ORDER BY p.types DESC, p.shares[1], p.neuron) <= $per_dictionary
ORDER BY p.types DESC, p.shares[1], p.dictionary_id, p.neuron;
