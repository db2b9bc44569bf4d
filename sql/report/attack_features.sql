-- Returns one row per (attack on exemplars, dictionary, statistic): whether the dictionary's features reveal the attack.
SELECT
    f.attack_experiment_id,
    f.attack,
    f.epsilon,
    f.fraction,
    f.dictionary_id,
    f.dictionary_label,
    f.network,
    f.layer,
    f.architecture,
    f.method,
    f.statistic,
    f.flagged,
    wilson_low(f.flagged, c.exemplars) AS low,
    wilson_high(f.flagged, c.exemplars) AS high,
    f.auc
FROM attacked_features AS f
JOIN attack_experiments AS a USING (attack_experiment_id)
JOIN concepts AS c USING (concept_id)
ORDER BY f.attack_experiment_id, f.network, f.layer, f.dictionary_id, f.statistic, f.attack, f.epsilon, f.fraction;
