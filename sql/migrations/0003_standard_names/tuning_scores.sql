SELECT
    analysis AS dimension_analysis_id,
    dimension,
    parameter,
    r_squared,
    null_r_squared,
    p_value,
    preferred,
    assigned
FROM tuning_scores;
