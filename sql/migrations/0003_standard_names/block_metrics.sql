SELECT
    dictionary AS dictionary_id,
    element,
    fvu
FROM block_metrics;
