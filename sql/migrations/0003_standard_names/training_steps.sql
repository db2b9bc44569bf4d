SELECT
    dictionary AS dictionary_id,
    step,
    metric,
    value
FROM training_steps;
