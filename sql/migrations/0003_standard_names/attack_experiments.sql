SELECT
    analysis AS attack_experiment_id,
    network,
    layer,
    kind,
    concept AS concept_id,
    class AS class_images_id,
    class_name,
    random_sets,
    classifier,
    pool,
    steps,
    seed,
    tests
FROM attack_analyses;
