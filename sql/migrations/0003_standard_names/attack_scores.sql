SELECT
    analysis AS attack_experiment_id,
    touched AS perturbed_set,
    attack,
    epsilon,
    fraction,
    read_network AS eval_network,
    read_layer AS eval_layer,
    class_index,
    score,
    spread AS score_std,
    magnitude,
    random_score,
    random_spread AS random_score_std,
    accuracy,
    cosine,
    p_value,
    p_holm
FROM attack_scores;
