SELECT
    analysis AS dimension_analysis_id,
    dimension,
    explained_variance,
    cumulative_variance,
    low,
    high,
    direction
FROM tuning_dimensions;
