SELECT
    analysis AS facet_analysis_id,
    network,
    layer,
    unit,
    unit_name,
    facet_layer,
    weight,
    epsilon,
    steps,
    seed
FROM facet_analyses;
