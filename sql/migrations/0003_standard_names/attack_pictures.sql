SELECT
    analysis AS attack_experiment_id,
    touched AS perturbed_set,
    attack,
    epsilon,
    place,
    clean,
    attacked,
    difference
FROM attack_pictures;
