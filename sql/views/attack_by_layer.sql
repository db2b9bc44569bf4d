-- What does TCAV say of exemplars that were attacked, wherever they are read, beside what it says of clean ones and of noise?
CREATE OR REPLACE VIEW attack_by_layer AS
WITH measured AS (
    SELECT
        s.*,
        a.network,
        a.layer,
        a.kind,
        a.concept_id,
        a.class_name,
        1 / (a.random_sets - 1) AS per_freedom,
        -- Student's t at 97.5 %, as in concept_importance
        1.95996 + 2.37227 * per_freedom + 2.8225 * per_freedom ** 2 + 2.5558 * per_freedom ** 3 + 1.5895 * per_freedom ** 4 AS t,
        t * s.score_std / sqrt(a.random_sets) AS half_width,
        CASE
            WHEN s.p_holm < 0.05 AND s.score > s.random_score THEN 'matters'
            WHEN s.p_holm < 0.05 AND s.score < s.random_score THEN 'speaks against'
            ELSE 'no evidence'
        END AS verdict
    FROM attack_scores AS s
    JOIN attack_experiments AS a USING (attack_experiment_id)
)
SELECT
    m.attack_experiment_id,
    m.network,
    m.layer,
    m.kind,
    k.name AS concept_name,
    m.class_name,
    m.perturbed_set,
    m.attack,
    m.epsilon,
    m.fraction,
    m.eval_network,
    m.eval_layer,
    (m.eval_network, m.eval_layer) = (m.network, m.layer) AS attacked_here,
    m.score,
    m.score_std,
    greatest(m.score - m.half_width, 0) AS low,
    least(m.score + m.half_width, 1) AS high,
    m.random_score,
    m.p_holm,
    m.verdict,
    c.score AS clean_score,
    c.verdict AS clean_verdict,
    n.score AS noise_score,
    n.verdict AS noise_verdict,
    CASE m.kind
        WHEN 'negative' THEN c.verdict = 'matters' AND m.verdict <> 'matters'
        ELSE c.verdict <> 'matters' AND m.verdict = 'matters'
    END AS verdict_flipped,
    m.accuracy,
    m.cosine
FROM measured AS m
JOIN concepts AS k USING (concept_id)
JOIN measured AS c USING (attack_experiment_id, eval_network, eval_layer)
LEFT JOIN measured AS n
    ON n.attack = 'noise'
    AND (n.attack_experiment_id, n.perturbed_set, n.epsilon, n.fraction) = (m.attack_experiment_id, m.perturbed_set, m.epsilon, m.fraction)
    AND (n.eval_network, n.eval_layer) = (m.eval_network, m.eval_layer)
WHERE c.attack = 'clean'
ORDER BY
    m.network, m.layer, m.kind, concept_name, m.class_name, m.attack_experiment_id,
    attacked_here DESC, m.eval_network, m.eval_layer, m.perturbed_set, m.epsilon, m.fraction, m.attack;
COMMENT ON VIEW attack_by_layer IS 'one row per (analysis, whose images, attack, ε, poisoned fraction, network and layer that read): TCAV of the story''s class';
COMMENT ON COLUMN attack_by_layer.network IS 'that the exemplars were attacked in';
COMMENT ON COLUMN attack_by_layer.layer IS 'that the exemplars were attacked at';
COMMENT ON COLUMN attack_by_layer.kind IS 'negative: a concept that matters is to stop mattering; positive: one that does not is to matter';
COMMENT ON COLUMN attack_by_layer.perturbed_set IS 'whose images were changed: concept, the exemplars; random, those of the random sets';
COMMENT ON COLUMN attack_by_layer.attack IS 'token-pushing, cav, class-gradient, random-set; controls: clean, noise, random-direction';
COMMENT ON COLUMN attack_by_layer.epsilon IS 'no pixel changes by more in any channel, in steps of 1/255; 0 where clean';
COMMENT ON COLUMN attack_by_layer.fraction IS 'of the touched images that were changed; 0 where clean';
COMMENT ON COLUMN attack_by_layer.attacked_here IS 'the sets are read where they were attacked; elsewhere they never were (transfer)';
COMMENT ON COLUMN attack_by_layer.score IS 'share of the class''s images whose logit grows along the concept''s vector, mean over random sets';
COMMENT ON COLUMN attack_by_layer.score_std IS 'standard deviation over random sets';
COMMENT ON COLUMN attack_by_layer.low IS 'of the 95 % interval of score, Student''s t over random sets, cut at 0';
COMMENT ON COLUMN attack_by_layer.high IS 'of the same interval, cut at 1';
COMMENT ON COLUMN attack_by_layer.random_score IS 'of the vectors of random sets against one another, mean; of changed ones where random sets are touched';
COMMENT ON COLUMN attack_by_layer.p_holm IS 'of Welch''s two-sided t-test of score against random_score, corrected for all tests of the analysis';
COMMENT ON COLUMN attack_by_layer.verdict IS 'at p_holm < 0.05 matters where score is above random_score, speaks against where below; else no evidence';
COMMENT ON COLUMN attack_by_layer.clean_score IS 'of the clean sets, read at the same place';
COMMENT ON COLUMN attack_by_layer.clean_verdict IS 'of the clean sets, read at the same place';
COMMENT ON COLUMN attack_by_layer.noise_score IS 'of the same images under noise of the same ε and fraction, read at the same place; null where clean';
COMMENT ON COLUMN attack_by_layer.noise_verdict IS 'as noise_score';
COMMENT ON COLUMN attack_by_layer.verdict_flipped IS 'against the clean verdict the one here goes where the story wants it: from matters to another, or, in a positive story, from another to matters';
COMMENT ON COLUMN attack_by_layer.accuracy IS 'share of the held-out exemplars on their own side of the vector, mean over random sets; 0.5 by chance';
COMMENT ON COLUMN attack_by_layer.cosine IS 'of the mean vector to that of the clean sets at the same place';
