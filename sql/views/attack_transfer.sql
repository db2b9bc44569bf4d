-- Shows how the effect of an attack at one layer transfers to other layers and networks.
CREATE OR REPLACE VIEW attack_transfer AS
SELECT *
FROM attack_by_layer
QUALIFY fraction = max(fraction) OVER (PARTITION BY attack_experiment_id, perturbed_set, attack, epsilon)
ORDER BY
    network, layer, kind, concept_name, class_name, attack_experiment_id,
    perturbed_set, epsilon, attack, attacked_here DESC, eval_network, eval_layer;
COMMENT ON VIEW attack_transfer IS 'one row per (attack_experiment_id, perturbed_set, attack, epsilon, eval_network, eval_layer), of the largest fraction alone';
COMMENT ON COLUMN attack_transfer.attack_experiment_id IS 'content key of the attack experiment; refers to attack_experiments';
COMMENT ON COLUMN attack_transfer.attack_experiment_label IS 'label of the attack experiment, unique';
COMMENT ON COLUMN attack_transfer.network IS 'network in which the images were attacked; refers to networks';
COMMENT ON COLUMN attack_transfer.layer IS 'layer at which the images were attacked; (network, layer) refers to layers';
COMMENT ON COLUMN attack_transfer.kind IS 'negative: the attack is to stop a concept that matters from mattering for the class; positive: it is to make a concept matter that does not';
COMMENT ON COLUMN attack_transfer.concept_name IS 'name of the concept';
COMMENT ON COLUMN attack_transfer.class_name IS 'name of the class';
COMMENT ON COLUMN attack_transfer.perturbed_set IS 'which images were changed: concept (the exemplars) or random (those of the random sets)';
COMMENT ON COLUMN attack_transfer.attack IS 'token-pushing, cav, class-gradient or random-set; controls: clean (nothing changed), noise and random-direction';
COMMENT ON COLUMN attack_transfer.epsilon IS 'largest allowed change ε of a pixel in any channel, steps of 1/255; 0 where clean';
COMMENT ON COLUMN attack_transfer.fraction IS 'share of the perturbed set''s images that were attacked, 0 to 1; 0 where clean';
COMMENT ON COLUMN attack_transfer.eval_network IS 'evaluation network: the network that TCAV is run on; refers to networks';
COMMENT ON COLUMN attack_transfer.eval_layer IS 'evaluation layer: the layer that TCAV is run at; (eval_network, eval_layer) refers to layers';
COMMENT ON COLUMN attack_transfer.attacked_here IS 'whether the evaluation network and layer are those that were attacked; otherwise the row shows transfer';
COMMENT ON COLUMN attack_transfer.score IS 'TCAV score: share of the class''s images whose logit grows along the vector, mean over the random sets, 0 to 1';
COMMENT ON COLUMN attack_transfer.score_std IS 'standard deviation of the score over the random sets';
COMMENT ON COLUMN attack_transfer.low IS 'lower end of the 95 % confidence interval of score over the random sets (Student''s t) and the photographs of the class (Wilson)';
COMMENT ON COLUMN attack_transfer.high IS 'upper end of the same interval';
COMMENT ON COLUMN attack_transfer.class_images IS 'number of images of the class';
COMMENT ON COLUMN attack_transfer.class_photographs IS 'number of photographs that these images are, or were cut from; cuts of one photograph are no independent images';
COMMENT ON COLUMN attack_transfer.random_score IS 'TCAV score of random vectors (one random set against the next), mean, 0 to 1; of the changed random sets where perturbed_set is random';
COMMENT ON COLUMN attack_transfer.p_holm IS 'p-value of Welch''s two-sided t-test of score against random_score, after Holm''s correction for all tests of the experiment, 0 to 1';
COMMENT ON COLUMN attack_transfer.verdict IS 'at p_holm < 0.05: matters where score is above random_score, speaks against where it is below; otherwise no evidence';
COMMENT ON COLUMN attack_transfer.clean_score IS 'score of the clean sets at the same evaluation layer, 0 to 1';
COMMENT ON COLUMN attack_transfer.clean_verdict IS 'verdict of the clean sets at the same evaluation layer';
COMMENT ON COLUMN attack_transfer.noise_score IS 'score under noise of the same ε on the same images, at the same evaluation layer, 0 to 1; null where clean';
COMMENT ON COLUMN attack_transfer.noise_verdict IS 'verdict under noise of the same ε on the same images, at the same evaluation layer; null where clean';
COMMENT ON COLUMN attack_transfer.verdict_flipped IS 'whether the attack reached its aim: in a negative experiment clean_verdict is matters and verdict is not, in a positive one verdict is matters and clean_verdict is not';
COMMENT ON COLUMN attack_transfer.accuracy IS 'share of held-out images on the correct side of the vectors, mean over the random sets, 0 to 1; 0.5 by chance';
COMMENT ON COLUMN attack_transfer.cosine IS 'cosine between the mean vector and that of the clean sets at the same evaluation layer, -1 to 1';
