SELECT
    dictionary AS dictionary_id,
    neuron,
    feature,
    rank,
    image AS image_id,
    y,
    x,
    activation,
    patch
FROM neuron_examples;
