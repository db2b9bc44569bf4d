-- Returns one row per (attack, evaluation network, evaluation layer): TCAV of the experiment's class, compared with random vectors.
-- Evaluation layers are ordered by receptive field.
SELECT
    a.attack_experiment_id,
    a.perturbed_set,
    a.attack,
    a.epsilon,
    a.fraction,
    a.eval_network,
    a.eval_layer,
    a.score,
    a.low,
    a.high,
    a.class_images,
    a.class_photographs,
    a.random_score,
    s.random_score_std,
    a.accuracy,
    a.cosine,
    a.p_holm,
    a.verdict,
    a.verdict_flipped
FROM attack_by_layer AS a
JOIN attack_scores AS s USING (attack_experiment_id, perturbed_set, attack, epsilon, fraction, eval_network, eval_layer)
JOIN layers AS l ON l.network = a.eval_network AND l.layer = a.eval_layer
ORDER BY a.attack_experiment_id, a.perturbed_set, a.attack, a.epsilon, a.fraction, a.eval_network, l.receptive_field, a.eval_layer;
