SELECT
    analysis AS family_analysis_id,
    feature,
    partner,
    element,
    similarity,
    examples,
    fired,
    chance
FROM family_pairs;
