-- Compares TCAV at the attacked layer with the clean sets and with noise, and gives the size of the change to the images.
CREATE OR REPLACE VIEW attack_effect AS
SELECT
    s.* EXCLUDE (eval_network, eval_layer, attacked_here),
    a.images,
    a.changed,
    a.psnr,
    a.perceptual
FROM attack_by_layer AS s
JOIN attacks AS a USING (attack_experiment_id, perturbed_set, attack, epsilon, fraction)
WHERE s.attacked_here
ORDER BY
    s.network, s.layer, s.kind, s.concept_name, s.class_name, s.attack_experiment_id, s.perturbed_set, s.epsilon, s.fraction, s.attack;
COMMENT ON VIEW attack_effect IS 'one row per (attack_experiment_id, perturbed_set, attack, epsilon, fraction): TCAV at the attacked layer';
COMMENT ON COLUMN attack_effect.attack_experiment_id IS 'content key of the attack experiment; refers to attack_experiments';
COMMENT ON COLUMN attack_effect.attack_experiment_label IS 'label of the attack experiment, unique';
COMMENT ON COLUMN attack_effect.network IS 'network in which the images were attacked; refers to networks';
COMMENT ON COLUMN attack_effect.layer IS 'layer at which the images were attacked; (network, layer) refers to layers';
COMMENT ON COLUMN attack_effect.kind IS 'negative: the attack is to stop a concept that matters from mattering for the class; positive: it is to make a concept matter that does not';
COMMENT ON COLUMN attack_effect.concept_name IS 'name of the concept';
COMMENT ON COLUMN attack_effect.class_name IS 'name of the class';
COMMENT ON COLUMN attack_effect.perturbed_set IS 'which images were changed: concept (the exemplars) or random (those of the random sets)';
COMMENT ON COLUMN attack_effect.attack IS 'token-pushing, cav, class-gradient or random-set; controls: clean (nothing changed), noise and random-direction';
COMMENT ON COLUMN attack_effect.epsilon IS 'largest allowed change ε of a pixel in any channel, steps of 1/255; 0 where clean';
COMMENT ON COLUMN attack_effect.fraction IS 'share of the perturbed set''s images that were attacked, 0 to 1; 0 where clean';
COMMENT ON COLUMN attack_effect.score IS 'TCAV score: share of the class''s images whose logit grows along the vector, mean over the random sets, 0 to 1';
COMMENT ON COLUMN attack_effect.score_std IS 'standard deviation of the score over the random sets';
COMMENT ON COLUMN attack_effect.low IS 'lower end of the 95 % confidence interval of score over the random sets (Student''s t) and the photographs of the class (Wilson)';
COMMENT ON COLUMN attack_effect.high IS 'upper end of the same interval';
COMMENT ON COLUMN attack_effect.class_images IS 'number of images of the class';
COMMENT ON COLUMN attack_effect.class_photographs IS 'number of photographs that these images are, or were cut from; cuts of one photograph are no independent images';
COMMENT ON COLUMN attack_effect.random_score IS 'TCAV score of random vectors (one random set against the next), mean, 0 to 1; of the changed random sets where perturbed_set is random';
COMMENT ON COLUMN attack_effect.p_holm IS 'p-value of Welch''s two-sided t-test of score against random_score, after Holm''s correction for all tests of the experiment, 0 to 1';
COMMENT ON COLUMN attack_effect.verdict IS 'at p_holm < 0.05: matters where score is above random_score, speaks against where it is below; otherwise no evidence';
COMMENT ON COLUMN attack_effect.clean_score IS 'score of the clean sets, 0 to 1';
COMMENT ON COLUMN attack_effect.clean_verdict IS 'verdict of the clean sets';
COMMENT ON COLUMN attack_effect.noise_score IS 'score under noise of the same ε on the same images, 0 to 1; null where clean';
COMMENT ON COLUMN attack_effect.noise_verdict IS 'verdict under noise of the same ε on the same images; null where clean';
COMMENT ON COLUMN attack_effect.verdict_flipped IS 'whether the attack reached its aim: in a negative experiment clean_verdict is matters and verdict is not, in a positive one verdict is matters and clean_verdict is not';
COMMENT ON COLUMN attack_effect.accuracy IS 'share of held-out images on the correct side of the vectors, mean over the random sets, 0 to 1; 0.5 by chance';
COMMENT ON COLUMN attack_effect.cosine IS 'cosine between the mean vector and that of the clean sets, -1 to 1';
COMMENT ON COLUMN attack_effect.images IS 'number of images in the perturbed set: the exemplars, or those of all random sets';
COMMENT ON COLUMN attack_effect.changed IS 'number of images that differ from the clean ones';
COMMENT ON COLUMN attack_effect.psnr IS 'mean peak signal-to-noise ratio of the changed images, dB; null where nothing changed';
COMMENT ON COLUMN attack_effect.perceptual IS 'mean perceptual distance of the changed images from the clean ones, 0 to 4: squared distance of unit-normalised activations, averaged over positions and three layers (LPIPS without its learned weights); 0 where nothing changed';
