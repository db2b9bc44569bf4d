-- Guards: every attack has the controls noise and random-direction with the same perturbed set, ε and fraction. An experiment has exactly
-- one clean row and at least one attack.
WITH expected AS (
    SELECT DISTINCT
        attack_experiment_id,
        perturbed_set,
        unnest(['noise', 'random-direction']) AS attack,
        epsilon,
        fraction
    FROM attacks
    WHERE attack NOT IN ('clean', 'noise', 'random-direction')
),
counted AS (
    SELECT
        a.attack_experiment_id,
        count(*) FILTER (t.attack = 'clean') AS clean,
        count(*) FILTER (t.attack NOT IN ('clean', 'noise', 'random-direction')) AS attacks
    FROM attack_experiments AS a
    LEFT JOIN attacks AS t USING (attack_experiment_id)
    GROUP BY a.attack_experiment_id
)
SELECT attack_experiment_id, perturbed_set, attack, epsilon, fraction, NULL::BIGINT AS clean, NULL::BIGINT AS attacks
FROM expected
ANTI JOIN attacks USING (attack_experiment_id, perturbed_set, attack, epsilon, fraction)
UNION ALL BY NAME
FROM counted
WHERE clean <> 1 OR attacks = 0;
