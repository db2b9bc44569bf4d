-- Compares TCAV on attacked sets with TCAV on the clean sets and under noise, at the attacked layer and at the transfer targets.
CREATE OR REPLACE VIEW attack_by_layer AS
WITH measured AS (
    SELECT
        s.*,
        a.network,
        a.layer,
        a.kind,
        a.concept_id,
        a.class_name,
        a.random_sets,
        k.exemplars AS class_images,
        photographs_in(a.class_images_id) AS class_photographs,
        tcav_verdict(s.p_holm, s.score, s.random_score) AS verdict
    FROM attack_scores AS s
    JOIN attack_experiments AS a USING (attack_experiment_id)
    JOIN concepts AS k ON k.concept_id = a.class_images_id
)
SELECT
    m.attack_experiment_id,
    v.attack_experiment_label,
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
    tcav_low(m.score, m.score_std, m.random_sets, m.class_photographs) AS low,
    tcav_high(m.score, m.score_std, m.random_sets, m.class_photographs) AS high,
    m.class_images,
    m.class_photographs,
    m.random_score,
    m.p_holm,
    m.verdict,
    c.score AS clean_score,
    c.verdict AS clean_verdict,
    n.score AS noise_score,
    n.verdict AS noise_verdict,
    tcav_verdict_flipped(m.kind, c.verdict, m.verdict) AS verdict_flipped,
    m.accuracy,
    m.cosine
FROM measured AS m
JOIN concepts AS k USING (concept_id)
JOIN attack_experiment_labels() AS v USING (attack_experiment_id)
JOIN measured AS c USING (attack_experiment_id, eval_network, eval_layer)
LEFT JOIN measured AS n
    ON n.attack = 'noise'
    AND (n.attack_experiment_id, n.perturbed_set, n.epsilon, n.fraction) = (m.attack_experiment_id, m.perturbed_set, m.epsilon, m.fraction)
    AND (n.eval_network, n.eval_layer) = (m.eval_network, m.eval_layer)
WHERE c.attack = 'clean'
ORDER BY
    m.network, m.layer, m.kind, concept_name, m.class_name, m.attack_experiment_id,
    attacked_here DESC, m.eval_network, m.eval_layer, m.perturbed_set, m.epsilon, m.fraction, m.attack;
COMMENT ON VIEW attack_by_layer IS 'one row per (attack_experiment_id, perturbed_set, attack, epsilon, fraction, eval_network, eval_layer): TCAV of the experiment''s class';
COMMENT ON COLUMN attack_by_layer.attack_experiment_id IS 'content key of the attack experiment; refers to attack_experiments';
COMMENT ON COLUMN attack_by_layer.attack_experiment_label IS 'label of the attack experiment, unique';
COMMENT ON COLUMN attack_by_layer.network IS 'network in which the images were attacked; refers to networks';
COMMENT ON COLUMN attack_by_layer.layer IS 'layer at which the images were attacked; (network, layer) refers to layers';
COMMENT ON COLUMN attack_by_layer.kind IS 'negative: the attack is to stop a concept that matters from mattering for the class; positive: it is to make a concept matter that does not';
COMMENT ON COLUMN attack_by_layer.concept_name IS 'name of the concept';
COMMENT ON COLUMN attack_by_layer.class_name IS 'name of the class';
COMMENT ON COLUMN attack_by_layer.perturbed_set IS 'which images were changed: concept (the exemplars) or random (those of the random sets)';
COMMENT ON COLUMN attack_by_layer.attack IS 'token-pushing, cav, class-gradient or random-set; controls: clean (nothing changed), noise and random-direction';
COMMENT ON COLUMN attack_by_layer.epsilon IS 'largest allowed change ε of a pixel in any channel, steps of 1/255; 0 where clean';
COMMENT ON COLUMN attack_by_layer.fraction IS 'share of the perturbed set''s images that were attacked, 0 to 1; 0 where clean';
COMMENT ON COLUMN attack_by_layer.eval_network IS 'evaluation network: the network that TCAV is run on; refers to networks';
COMMENT ON COLUMN attack_by_layer.eval_layer IS 'evaluation layer: the layer that TCAV is run at; (eval_network, eval_layer) refers to layers';
COMMENT ON COLUMN attack_by_layer.attacked_here IS 'whether the evaluation network and layer are those that were attacked; otherwise the row shows transfer';
COMMENT ON COLUMN attack_by_layer.score IS 'TCAV score: share of the class''s images whose logit grows along the vector, mean over the random sets, 0 to 1';
COMMENT ON COLUMN attack_by_layer.score_std IS 'standard deviation of the score over the random sets';
COMMENT ON COLUMN attack_by_layer.low IS 'lower end of the 95 % confidence interval of score over the random sets (Student''s t) and the photographs of the class (Wilson)';
COMMENT ON COLUMN attack_by_layer.high IS 'upper end of the same interval';
COMMENT ON COLUMN attack_by_layer.class_images IS 'number of images of the class';
COMMENT ON COLUMN attack_by_layer.class_photographs IS 'number of photographs that these images are, or were cut from; cuts of one photograph are no independent images';
COMMENT ON COLUMN attack_by_layer.random_score IS 'TCAV score of random vectors (one random set against the next), mean, 0 to 1; of the changed random sets where perturbed_set is random';
COMMENT ON COLUMN attack_by_layer.p_holm IS 'p-value of Welch''s two-sided t-test of score against random_score, after Holm''s correction for all tests of the experiment, 0 to 1';
COMMENT ON COLUMN attack_by_layer.verdict IS 'at p_holm < 0.05: matters where score is above random_score, speaks against where it is below; otherwise no evidence';
COMMENT ON COLUMN attack_by_layer.clean_score IS 'score of the clean sets at the same evaluation layer, 0 to 1';
COMMENT ON COLUMN attack_by_layer.clean_verdict IS 'verdict of the clean sets at the same evaluation layer';
COMMENT ON COLUMN attack_by_layer.noise_score IS 'score under noise of the same ε on the same images, at the same evaluation layer, 0 to 1; null where clean';
COMMENT ON COLUMN attack_by_layer.noise_verdict IS 'verdict under noise of the same ε on the same images, at the same evaluation layer; null where clean';
COMMENT ON COLUMN attack_by_layer.verdict_flipped IS 'whether the attack reached its aim: in a negative experiment clean_verdict is matters and verdict is not, in a positive one verdict is matters and clean_verdict is not';
COMMENT ON COLUMN attack_by_layer.accuracy IS 'share of held-out images on the correct side of the vectors, mean over the random sets, 0 to 1; 0.5 by chance';
COMMENT ON COLUMN attack_by_layer.cosine IS 'cosine between the mean vector and that of the clean sets at the same evaluation layer, -1 to 1';
