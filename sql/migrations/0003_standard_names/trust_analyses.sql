SELECT
    analysis AS trust_analysis_id,
    network,
    layer,
    random_sets
FROM trust_analyses;
