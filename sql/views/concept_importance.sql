-- Which concepts matter for which class, and is it more than chance?
CREATE OR REPLACE VIEW concept_importance AS
WITH measured AS (
    SELECT
        *,
        1 / (random_sets - 1) AS per_freedom,
        -- Student's t at 97.5 %, by its series in 1 / degrees of freedom: within 1 % from two on
        1.95996 + 2.37227 * per_freedom + 2.8225 * per_freedom ** 2 + 2.5558 * per_freedom ** 3 + 1.5895 * per_freedom ** 4 AS t,
        t * score_std / sqrt(random_sets) AS half_width
    FROM tcav_tests
)
SELECT
    m.concept_analysis_id,
    a.network,
    m.layer,
    a.classifier,
    a.pool,
    m.concept_id,
    c.name AS concept_name,
    c.origin AS concept_origin,
    m.class_images_id,
    m.class_index,
    m.class_name,
    m.random_sets,
    m.score,
    m.score_std,
    greatest(m.score - m.half_width, 0) AS low,
    least(m.score + m.half_width, 1) AS high,
    m.random_score,
    m.random_score_std,
    m.magnitude,
    m.accuracy,
    m.agreement,
    m.p_value,
    m.p_holm,
    CASE
        WHEN m.p_holm < 0.05 AND m.score > m.random_score THEN 'matters'
        WHEN m.p_holm < 0.05 AND m.score < m.random_score THEN 'speaks against'
        ELSE 'no evidence'
    END AS verdict
FROM measured AS m
JOIN concept_analyses AS a USING (concept_analysis_id)
JOIN concepts AS c USING (concept_id)
ORDER BY a.network, m.concept_analysis_id, m.class_name, m.class_index, m.layer, m.score DESC, m.concept_id;
COMMENT ON VIEW concept_importance IS 'one row per (analysis, concept, layer, class): TCAV over random sets, beside vectors of random sets against one another';
COMMENT ON COLUMN concept_importance.concept_id IS 'content key of the exemplars';
COMMENT ON COLUMN concept_importance.concept_origin IS 'folder, drawn or attacked';
COMMENT ON COLUMN concept_importance.class_images_id IS 'content key of the images of the class';
COMMENT ON COLUMN concept_importance.score IS 'share of the class''s images whose logit grows along the concept''s vector, mean over random sets';
COMMENT ON COLUMN concept_importance.score_std IS 'standard deviation over random sets';
COMMENT ON COLUMN concept_importance.low IS 'of the 95 % interval of score, Student''s t over random sets, cut at 0; says nothing of other exemplars of the concept';
COMMENT ON COLUMN concept_importance.high IS 'of the same interval, cut at 1';
COMMENT ON COLUMN concept_importance.random_score IS 'of the vectors of random sets against one another, mean';
COMMENT ON COLUMN concept_importance.magnitude IS 'part of the sensitivity that is positive, mean over random sets';
COMMENT ON COLUMN concept_importance.accuracy IS 'share of the held-out exemplars on their own side of the vector, mean over random sets; 0.5 by chance';
COMMENT ON COLUMN concept_importance.agreement IS 'mean cosine between the concept''s vectors from different random sets';
COMMENT ON COLUMN concept_importance.p_value IS 'Welch''s two-sided t-test of the concept''s scores against random_score''s';
COMMENT ON COLUMN concept_importance.p_holm IS 'p_value, corrected for all tests of the analysis';
COMMENT ON COLUMN concept_importance.verdict IS 'at p_holm < 0.05 matters where score is above random_score, speaks against where below; else no evidence';
