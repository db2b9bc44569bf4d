SELECT
    cav AS cav_id,
    concept AS concept_id,
    random AS random_set_id,
    network,
    layer,
    accuracy
FROM cavs;
