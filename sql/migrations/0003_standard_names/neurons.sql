SELECT
    dictionary AS dictionary_id,
    neuron,
    max_activation,
    density,
    top_rows,
    explained,
    carried,
    suppressed,
    bias
FROM neurons;
