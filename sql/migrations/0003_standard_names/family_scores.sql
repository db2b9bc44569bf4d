SELECT
    analysis AS family_analysis_id,
    subject AS condition,
    seed,
    metric,
    value
FROM family_scores;
