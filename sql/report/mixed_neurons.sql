-- One row per decomposed neuron, the most mixed of each dictionary: most stimulus types first, then least of the largest share.
SELECT
    p.dictionary,
    d.activation_set,
    p.neuron,
    p.types,
    p.share,
    p.explained,
    p.top_rows,
    count(*) OVER (PARTITION BY p.dictionary) AS found
FROM polysemantic_neurons AS p
JOIN dictionaries AS d USING (dictionary)
QUALIFY row_number() OVER (PARTITION BY p.dictionary ORDER BY p.types DESC, p.shares[1], p.neuron) <= $per_dictionary
ORDER BY p.types DESC, p.shares[1], p.dictionary, p.neuron;
