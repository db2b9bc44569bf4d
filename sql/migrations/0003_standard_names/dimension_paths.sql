SELECT
    analysis AS dimension_analysis_id,
    dimension,
    parameter,
    intended,
    spearman,
    drift
FROM dimension_paths;
