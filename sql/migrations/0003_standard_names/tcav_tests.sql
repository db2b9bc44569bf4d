SELECT
    analysis AS concept_analysis_id,
    concept AS concept_id,
    layer,
    class AS class_images_id,
    class_index,
    class_name,
    random_sets,
    score,
    spread AS score_std,
    magnitude,
    random_score,
    random_spread AS random_score_std,
    accuracy,
    agreement,
    p_value,
    p_holm
FROM tcav_tests;
