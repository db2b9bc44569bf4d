-- Guards: where a dictionary was evaluated in an attack experiment, every statistic exists for the clean exemplars and for every attacked
-- set of exemplars, compared with the same random sets. Flagged is a share of the exemplars, and the AUC of the clean ones is 0.5.
WITH asked AS (
    SELECT
        attack_experiment_id,
        dictionary_id,
        statistic,
        count(DISTINCT random_mean) AS different_randoms
    FROM attack_features
    GROUP BY ALL
),
expected AS (
    SELECT d.attack_experiment_id, a.perturbed_set, a.attack, a.epsilon, a.fraction, a.images, d.dictionary_id, s.statistic, s.different_randoms
    FROM (SELECT DISTINCT attack_experiment_id, dictionary_id FROM asked) AS d
    JOIN asked AS s USING (attack_experiment_id)
    JOIN attacks AS a USING (attack_experiment_id)
    WHERE a.perturbed_set = 'concept'
    GROUP BY ALL
)
SELECT
    attack_experiment_id,
    perturbed_set,
    attack,
    epsilon,
    fraction,
    dictionary_id,
    statistic,
    e.images,
    e.different_randoms,
    f.value,
    f.random_mean,
    f.flagged,
    f.auc
FROM expected AS e
FULL JOIN attack_features AS f USING (attack_experiment_id, perturbed_set, attack, epsilon, fraction, dictionary_id, statistic)
WHERE e.images IS NULL
    OR f.value IS NULL
    OR e.different_randoms > 1
    OR NOT isfinite(f.value)
    OR NOT isfinite(f.random_mean)
    OR NOT f.flagged BETWEEN 0 AND 1
    OR NOT abs(f.flagged * e.images - round(f.flagged * e.images)) <= 1e-3
    OR NOT f.auc BETWEEN 0 AND 1
    OR (attack = 'clean' AND f.auc <> 0.5);
