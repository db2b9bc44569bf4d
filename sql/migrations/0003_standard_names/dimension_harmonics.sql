SELECT
    analysis AS dimension_analysis_id,
    dimension,
    irrep,
    frequency AS waves_per_turn,
    share
FROM dimension_harmonics;
