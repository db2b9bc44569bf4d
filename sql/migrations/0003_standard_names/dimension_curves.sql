SELECT
    analysis AS dimension_analysis_id,
    dimension,
    parameter,
    value,
    mean,
    spread AS std
FROM dimension_curves;
