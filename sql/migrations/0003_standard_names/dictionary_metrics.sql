SELECT
    dictionary AS dictionary_id,
    metric,
    value
FROM dictionary_metrics;
