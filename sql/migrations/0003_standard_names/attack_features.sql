SELECT
    analysis AS attack_experiment_id,
    touched AS perturbed_set,
    attack,
    epsilon,
    fraction,
    dictionary AS dictionary_id,
    statistic,
    value,
    random AS random_mean,
    flagged,
    auc
FROM attack_features;
