SELECT
    analysis AS concept_analysis_id,
    network,
    classifier,
    pool,
    penalty,
    held_out,
    seed,
    tests
FROM concept_analyses;
