-- Returns one row per (attack on exemplars, dictionary, statistic): whether the dictionary's features reveal the attack.
SELECT
    attack_experiment_id,
    attack,
    epsilon,
    fraction,
    dictionary_id,
    dictionary_label,
    network,
    layer,
    architecture,
    method,
    statistic,
    flagged,
    auc
FROM attacked_features
ORDER BY attack_experiment_id, network, layer, dictionary_id, statistic, attack, epsilon, fraction;
