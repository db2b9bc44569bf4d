-- Guards: a test sums up one vector of its concept from each random set, beside as many of random sets against one another, and no
-- score of a concept's vector is in no test.
WITH scored AS (
    SELECT s.*, c.concept, c.random, c.layer, c.accuracy
    FROM tcav_scores AS s
    JOIN cavs AS c USING (cav)
),
random_sets AS (
    SELECT DISTINCT analysis, random AS concept
    FROM scored
),
summed AS (
    SELECT
        analysis,
        concept,
        layer,
        class_index,
        class,
        count(*) AS vectors,
        list(DISTINCT random ORDER BY random) AS randoms,
        avg(score) AS mean,
        stddev_samp(score) AS deviation,
        avg(magnitude) AS mean_magnitude,
        avg(accuracy) AS mean_accuracy
    FROM scored
    ANTI JOIN random_sets USING (analysis, concept)
    GROUP BY ALL
),
by_chance AS (
    SELECT
        analysis,
        layer,
        class_index,
        count(*) AS vectors,
        list(DISTINCT random ORDER BY random) AS randoms,
        avg(score) AS mean,
        stddev_samp(score) AS deviation
    FROM scored
    SEMI JOIN random_sets USING (analysis, concept)
    GROUP BY ALL
)
SELECT
    analysis,
    concept,
    layer,
    class_index,
    t.random_sets,
    s.vectors,
    r.vectors AS random_vectors,
    len(s.randoms) AS different_randoms,
    t.class,
    s.class AS scored_class,
    t.score,
    s.mean,
    t.spread,
    s.deviation,
    t.magnitude,
    s.mean_magnitude,
    t.accuracy,
    s.mean_accuracy,
    t.random_score,
    r.mean AS random_mean,
    t.random_spread,
    r.deviation AS random_deviation
FROM tcav_tests AS t
FULL JOIN summed AS s USING (analysis, concept, layer, class_index)
LEFT JOIN by_chance AS r USING (analysis, layer, class_index)
WHERE t.class IS DISTINCT FROM s.class
    OR t.random_sets IS DISTINCT FROM s.vectors
    OR t.random_sets IS DISTINCT FROM r.vectors
    OR len(s.randoms) <> t.random_sets
    OR r.randoms <> s.randoms
    OR NOT abs(t.score - s.mean) <= 1e-6
    OR NOT abs(t.spread - s.deviation) <= 1e-6
    OR NOT abs(t.magnitude - s.mean_magnitude) <= 1e-6
    OR NOT abs(t.accuracy - s.mean_accuracy) <= 1e-6
    OR NOT abs(t.random_score - r.mean) <= 1e-6
    OR NOT abs(t.random_spread - r.deviation) <= 1e-6
    OR NOT t.agreement BETWEEN -1.0001 AND 1.0001;
