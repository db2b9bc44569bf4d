SELECT
    analysis AS attack_experiment_id,
    touched AS perturbed_set,
    attack,
    epsilon,
    fraction,
    concept AS concept_id,
    piece AS artifact_folder,
    images,
    changed,
    largest_change,
    psnr,
    perceptual
FROM attacks;
