-- What does TCAV say of exemplars that were attacked, wherever they are read, beside what it says of clean ones and of noise?
CREATE OR REPLACE VIEW attack_answers AS
WITH measured AS (
    SELECT
        s.*,
        a.network,
        a.layer,
        a.kind,
        a.concept,
        a.class_name,
        1 / (a.random_sets - 1) AS per_freedom,
        -- Student's t at 97.5 %, as in concept_importance
        1.95996 + 2.37227 * per_freedom + 2.8225 * per_freedom ** 2 + 2.5558 * per_freedom ** 3 + 1.5895 * per_freedom ** 4 AS t,
        t * s.spread / sqrt(a.random_sets) AS half_width,
        CASE
            WHEN s.p_holm < 0.05 AND s.score > s.random_score THEN 'matters'
            WHEN s.p_holm < 0.05 AND s.score < s.random_score THEN 'speaks against'
            ELSE 'no evidence'
        END AS verdict
    FROM attack_scores AS s
    JOIN attack_analyses AS a USING (analysis)
)
SELECT
    m.analysis,
    m.network,
    m.layer,
    m.kind,
    k.name AS concept_name,
    m.class_name,
    m.touched,
    m.attack,
    m.epsilon,
    m.fraction,
    m.read_network,
    m.read_layer,
    (m.read_network, m.read_layer) = (m.network, m.layer) AS attacked_here,
    m.score,
    m.spread,
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
    END AS turned,
    m.accuracy,
    m.cosine
FROM measured AS m
JOIN concepts AS k USING (concept)
JOIN measured AS c USING (analysis, read_network, read_layer)
LEFT JOIN measured AS n
    ON n.attack = 'noise'
    AND (n.analysis, n.touched, n.epsilon, n.fraction) = (m.analysis, m.touched, m.epsilon, m.fraction)
    AND (n.read_network, n.read_layer) = (m.read_network, m.read_layer)
WHERE c.attack = 'clean'
ORDER BY
    m.network, m.layer, m.kind, concept_name, m.class_name, m.analysis,
    attacked_here DESC, m.read_network, m.read_layer, m.touched, m.epsilon, m.fraction, m.attack;
COMMENT ON VIEW attack_answers IS 'one row per (analysis, whose images, attack, ε, poisoned fraction, network and layer that read): TCAV of the story''s class';
COMMENT ON COLUMN attack_answers.network IS 'that the exemplars were attacked in';
COMMENT ON COLUMN attack_answers.layer IS 'that the exemplars were attacked at';
COMMENT ON COLUMN attack_answers.kind IS 'negative: a concept that matters is to stop mattering; positive: one that does not is to matter';
COMMENT ON COLUMN attack_answers.touched IS 'whose images were changed: concept, the exemplars; random, those of the random sets';
COMMENT ON COLUMN attack_answers.attack IS 'token-pushing, cav, class-gradient, random-set; controls: clean, noise, random-direction';
COMMENT ON COLUMN attack_answers.epsilon IS 'no pixel changes by more in any channel, in steps of 1/255; 0 where clean';
COMMENT ON COLUMN attack_answers.fraction IS 'of the touched images that were changed; 0 where clean';
COMMENT ON COLUMN attack_answers.attacked_here IS 'the sets are read where they were attacked; elsewhere they never were (transfer)';
COMMENT ON COLUMN attack_answers.score IS 'share of the class''s images whose logit grows along the concept''s vector, mean over random sets';
COMMENT ON COLUMN attack_answers.spread IS 'standard deviation over random sets';
COMMENT ON COLUMN attack_answers.low IS 'of the 95 % interval of score, Student''s t over random sets, cut at 0';
COMMENT ON COLUMN attack_answers.high IS 'of the same interval, cut at 1';
COMMENT ON COLUMN attack_answers.random_score IS 'of the vectors of random sets against one another, mean; of changed ones where random sets are touched';
COMMENT ON COLUMN attack_answers.p_holm IS 'of Welch''s two-sided t-test of score against random_score, corrected for all tests of the analysis';
COMMENT ON COLUMN attack_answers.verdict IS 'at p_holm < 0.05 matters where score is above random_score, speaks against where below; else no evidence';
COMMENT ON COLUMN attack_answers.clean_score IS 'of the clean sets, read at the same place';
COMMENT ON COLUMN attack_answers.clean_verdict IS 'of the clean sets, read at the same place';
COMMENT ON COLUMN attack_answers.noise_score IS 'of the same images under noise of the same ε and fraction, read at the same place; null where clean';
COMMENT ON COLUMN attack_answers.noise_verdict IS 'as noise_score';
COMMENT ON COLUMN attack_answers.turned IS 'against the clean verdict the one here goes where the story wants it: from matters to another, or, in a positive story, from another to matters';
COMMENT ON COLUMN attack_answers.accuracy IS 'share of the held-out exemplars on their own side of the vector, mean over random sets; 0.5 by chance';
COMMENT ON COLUMN attack_answers.cosine IS 'of the mean vector to that of the clean sets at the same place';
