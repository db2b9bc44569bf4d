SELECT
    analysis AS family_analysis_id,
    dictionary AS dictionary_id,
    n_rotations,
    reflections,
    group_order,
    neighbours,
    min_family_size,
    seed,
    features AS live_features,
    families
FROM family_analyses;
