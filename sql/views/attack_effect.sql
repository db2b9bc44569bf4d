-- Does an attack on its exemplars turn what TCAV says of a concept, would noise do it as well, and could an eye see it?
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
COMMENT ON VIEW attack_effect IS 'one row per (analysis, whose images, attack, ε, poisoned fraction): TCAV where the sets were attacked; columns as in attack_by_layer';
COMMENT ON COLUMN attack_effect.kind IS 'negative: a concept that matters is to stop mattering; positive: one that does not is to matter';
COMMENT ON COLUMN attack_effect.perturbed_set IS 'whose images were changed: concept, the exemplars; random, those of the random sets';
COMMENT ON COLUMN attack_effect.attack IS 'token-pushing, cav, class-gradient, random-set; controls: clean, noise, random-direction';
COMMENT ON COLUMN attack_effect.epsilon IS 'no pixel changes by more in any channel, in steps of 1/255; 0 where clean';
COMMENT ON COLUMN attack_effect.fraction IS 'of the touched images that were changed; 0 where clean';
COMMENT ON COLUMN attack_effect.noise_score IS 'of the same images under noise of the same ε and fraction; null where clean';
COMMENT ON COLUMN attack_effect.verdict_flipped IS 'against clean_verdict, verdict goes where the story wants it: from matters to another, or, in a positive story, from another to matters';
COMMENT ON COLUMN attack_effect.cosine IS 'of the mean vector to that of the clean sets';
COMMENT ON COLUMN attack_effect.images IS 'that are touched';
COMMENT ON COLUMN attack_effect.changed IS 'of these, the ones that differ from the clean images';
COMMENT ON COLUMN attack_effect.psnr IS 'mean peak signal-to-noise ratio of the changed images, dB; null where nothing changed';
COMMENT ON COLUMN attack_effect.perceptual IS 'mean distance of the changed images in unit-normalised activations, 0 to 4';
