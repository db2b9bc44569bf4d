-- One row per (attack on exemplars, dictionary, statistic): do the dictionary's features give the attack away?
SELECT
    analysis,
    attack,
    epsilon,
    fraction,
    dictionary,
    network,
    layer,
    architecture,
    method,
    statistic,
    flagged,
    auc
FROM attacked_features
ORDER BY analysis, network, layer, dictionary, statistic, attack, epsilon, fraction;
