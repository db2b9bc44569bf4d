SELECT
    analysis AS concept_analysis_id,
    cav AS cav_id,
    class AS class_images_id,
    class_index,
    score,
    magnitude
FROM tcav_scores;
