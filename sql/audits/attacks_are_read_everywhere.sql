-- Guards: every set of an experiment is scored at the attacked layer, and the clean sets and those of the largest fraction also at every
-- transfer target.
WITH places AS (
    SELECT attack_experiment_id, network AS eval_network, layer AS eval_layer, true AS attacked_here
    FROM attack_experiments
    UNION
    SELECT s.attack_experiment_id, s.eval_network, s.eval_layer, false
    FROM attack_scores AS s
    JOIN attack_experiments AS a USING (attack_experiment_id)
    WHERE (s.eval_network, s.eval_layer) <> (a.network, a.layer)
),
sets AS (
    SELECT
        attack_experiment_id,
        perturbed_set,
        attack,
        epsilon,
        fraction,
        attack = 'clean' OR fraction = max(fraction) OVER (PARTITION BY attack_experiment_id) AS everywhere
    FROM attacks
)
SELECT s.* EXCLUDE (everywhere), p.eval_network, p.eval_layer
FROM sets AS s
JOIN places AS p USING (attack_experiment_id)
ANTI JOIN attack_scores AS r USING (attack_experiment_id, perturbed_set, attack, epsilon, fraction, eval_network, eval_layer)
WHERE s.everywhere OR p.attacked_here;
