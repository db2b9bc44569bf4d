-- Guards: a test summarises one vector of its concept for each random set, compared with as many vectors between random sets, and every
-- score of a concept's vector belongs to a test.
WITH scored AS (
    SELECT s.*, c.concept_id, c.random_set_id, c.layer, c.accuracy
    FROM tcav_scores AS s
    JOIN cavs AS c USING (cav_id)
),
random_sets AS (
    SELECT DISTINCT concept_analysis_id, random_set_id AS concept_id
    FROM scored
),
summed AS (
    SELECT
        concept_analysis_id,
        concept_id,
        layer,
        class_index,
        class_images_id,
        count(*) AS vectors,
        list(DISTINCT random_set_id ORDER BY random_set_id) AS randoms,
        avg(score) AS mean,
        stddev_samp(score) AS deviation,
        avg(magnitude) AS mean_magnitude,
        avg(accuracy) AS mean_accuracy
    FROM scored
    ANTI JOIN random_sets USING (concept_analysis_id, concept_id)
    GROUP BY ALL
),
by_chance AS (
    SELECT
        concept_analysis_id,
        layer,
        class_index,
        count(*) AS vectors,
        list(DISTINCT random_set_id ORDER BY random_set_id) AS randoms,
        avg(score) AS mean,
        stddev_samp(score) AS deviation
    FROM scored
    SEMI JOIN random_sets USING (concept_analysis_id, concept_id)
    GROUP BY ALL
)
SELECT
    concept_analysis_id,
    concept_id,
    layer,
    class_index,
    t.random_sets,
    s.vectors,
    r.vectors AS random_vectors,
    len(s.randoms) AS different_randoms,
    t.class_images_id,
    s.class_images_id AS scored_class,
    t.score,
    s.mean,
    t.score_std,
    s.deviation,
    t.magnitude,
    s.mean_magnitude,
    t.accuracy,
    s.mean_accuracy,
    t.random_score,
    r.mean AS random_mean,
    t.random_score_std,
    r.deviation AS random_deviation
FROM tcav_tests AS t
FULL JOIN summed AS s USING (concept_analysis_id, concept_id, layer, class_index)
LEFT JOIN by_chance AS r USING (concept_analysis_id, layer, class_index)
WHERE t.class_images_id IS DISTINCT FROM s.class_images_id
    OR t.random_sets IS DISTINCT FROM s.vectors
    OR t.random_sets IS DISTINCT FROM r.vectors
    OR len(s.randoms) <> t.random_sets
    OR r.randoms <> s.randoms
    OR NOT abs(t.score - s.mean) <= 1e-6
    OR NOT abs(t.score_std - s.deviation) <= 1e-6
    OR NOT abs(t.magnitude - s.mean_magnitude) <= 1e-6
    OR NOT abs(t.accuracy - s.mean_accuracy) <= 1e-6
    OR NOT abs(t.random_score - r.mean) <= 1e-6
    OR NOT abs(t.random_score_std - r.deviation) <= 1e-6
    OR NOT t.agreement BETWEEN -1.0001 AND 1.0001;
