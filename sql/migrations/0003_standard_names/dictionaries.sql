SELECT
    dictionary AS dictionary_id,
    activation_set AS activation_set_id,
    architecture,
    method,
    features,
    channels,
    k,
    group_order,
    encode_from,
    orbit_reuse,
    steps,
    rows_seen,
    seed,
    train_seconds,
    config
FROM dictionaries;
