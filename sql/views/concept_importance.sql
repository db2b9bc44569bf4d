-- Shows which concepts matter for which class, and whether the score differs from that of random vectors.
CREATE OR REPLACE VIEW concept_importance AS
SELECT
    m.concept_analysis_id,
    v.concept_analysis_label,
    a.network,
    m.layer,
    a.classifier,
    a.pool,
    m.concept_id,
    n.concept_label,
    c.name AS concept_name,
    c.origin AS concept_origin,
    m.class_images_id,
    i.concept_label AS class_images_label,
    m.class_index,
    m.class_name,
    m.random_sets,
    k.exemplars AS class_images,
    k.photographs AS class_photographs,
    m.score,
    m.score_std,
    tcav_low(m.score, m.score_std, m.random_sets, k.photographs) AS low,
    tcav_high(m.score, m.score_std, m.random_sets, k.photographs) AS high,
    m.random_score,
    m.random_score_std,
    m.magnitude,
    m.accuracy,
    m.agreement,
    m.p_value,
    m.p_holm,
    tcav_verdict(m.p_holm, m.score, m.random_score) AS verdict
FROM tcav_tests AS m
JOIN concept_analyses AS a USING (concept_analysis_id)
JOIN concepts AS c USING (concept_id)
JOIN concept_analysis_labels() AS v USING (concept_analysis_id)
JOIN concept_labels() AS n USING (concept_id)
JOIN concept_labels() AS i ON i.concept_id = m.class_images_id
JOIN (SELECT concept_id, exemplars, photographs_in(concept_id) AS photographs FROM concepts) AS k ON k.concept_id = m.class_images_id
ORDER BY a.network, m.concept_analysis_id, m.class_name, m.class_index, m.layer, m.score DESC, m.concept_id;
COMMENT ON VIEW concept_importance IS 'one row per (concept_analysis_id, concept_id, layer, class_index): TCAV of the concept compared with random vectors';
COMMENT ON COLUMN concept_importance.concept_analysis_id IS 'content key of the TCAV analysis; refers to concept_analyses';
COMMENT ON COLUMN concept_importance.concept_analysis_label IS 'label of the TCAV analysis, unique';
COMMENT ON COLUMN concept_importance.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN concept_importance.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN concept_importance.classifier IS 'what finds the concept activation vectors: logistic, sgd or mean-difference';
COMMENT ON COLUMN concept_importance.pool IS 'mean: activations averaged over positions; none: whole activation maps';
COMMENT ON COLUMN concept_importance.concept_id IS 'content key of the concept''s exemplars; refers to concepts';
COMMENT ON COLUMN concept_importance.concept_label IS 'label of the exemplars, unique';
COMMENT ON COLUMN concept_importance.concept_name IS 'name of the concept';
COMMENT ON COLUMN concept_importance.concept_origin IS 'origin of the exemplars: folder, drawn or attacked';
COMMENT ON COLUMN concept_importance.class_images_id IS 'content key of the images of the class; refers to concepts';
COMMENT ON COLUMN concept_importance.class_images_label IS 'label of the images of the class, unique';
COMMENT ON COLUMN concept_importance.class_index IS 'number of the class among the network''s outputs, counted from 0';
COMMENT ON COLUMN concept_importance.class_name IS 'name of the class';
COMMENT ON COLUMN concept_importance.random_sets IS 'number of random sets; the test compares as many vectors of the concept with as many random vectors';
COMMENT ON COLUMN concept_importance.score IS 'TCAV score of the concept, mean over the random sets, 0 to 1';
COMMENT ON COLUMN concept_importance.score_std IS 'standard deviation of the score over the random sets';
COMMENT ON COLUMN concept_importance.low IS 'lower end of the 95 % confidence interval of score over the random sets (Student''s t) and the photographs of the class (Wilson); it does not cover the choice of exemplars';
COMMENT ON COLUMN concept_importance.high IS 'upper end of the same interval';
COMMENT ON COLUMN concept_importance.class_images IS 'number of images of the class';
COMMENT ON COLUMN concept_importance.class_photographs IS 'number of photographs that these images are, or were cut from; cuts of one photograph are no independent images';
COMMENT ON COLUMN concept_importance.random_score IS 'TCAV score of random vectors (one random set against the next), mean, 0 to 1';
COMMENT ON COLUMN concept_importance.random_score_std IS 'standard deviation of the score of random vectors';
COMMENT ON COLUMN concept_importance.magnitude IS 'share of the sensitivity that is positive, mean over the random sets, 0 to 1';
COMMENT ON COLUMN concept_importance.accuracy IS 'share of held-out images on the correct side of the concept''s vectors, mean, 0 to 1; 0.5 by chance';
COMMENT ON COLUMN concept_importance.agreement IS 'mean cosine between the concept''s vectors from different random sets, -1 to 1';
COMMENT ON COLUMN concept_importance.p_value IS 'p-value of Welch''s two-sided t-test of the concept''s scores against those of random vectors, 0 to 1';
COMMENT ON COLUMN concept_importance.p_holm IS 'p_value after Holm''s correction for all tests of the analysis, 0 to 1';
COMMENT ON COLUMN concept_importance.verdict IS 'at p_holm < 0.05: matters where score is above random_score, speaks against where it is below; otherwise no evidence';
