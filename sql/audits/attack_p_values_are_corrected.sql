-- Guards: p-values lie between 0 and 1, p_holm is Holm's correction over all rows of attack_scores of the experiment, and the number of
-- these rows is the experiment's number of tests.
WITH ranked AS (
    SELECT
        *,
        count(*) OVER (PARTITION BY attack_experiment_id) AS tests_found,
        row_number() OVER (PARTITION BY attack_experiment_id ORDER BY p_value) AS rank
    FROM attack_scores
),
corrected AS (
    SELECT
        attack_experiment_id,
        perturbed_set,
        attack,
        epsilon,
        fraction,
        eval_network,
        eval_layer,
        tests_found,
        p_value,
        p_holm,
        least(max((tests_found - rank + 1) * p_value) OVER (PARTITION BY attack_experiment_id ORDER BY rank), 1) AS expected_p_holm
    FROM ranked
)
SELECT a.attack_experiment_id, a.tests, c.* EXCLUDE (attack_experiment_id)
FROM attack_experiments AS a
LEFT JOIN corrected AS c USING (attack_experiment_id)
WHERE c.tests_found IS DISTINCT FROM a.tests
    OR NOT c.p_value BETWEEN 0 AND 1
    OR NOT abs(c.p_holm - c.expected_p_holm) <= 1e-9;
