SELECT
    dictionary AS dictionary_id,
    neuron,
    rank,
    feature,
    share,
    rows_carried
FROM neuron_features;
