-- Do a dictionary's features give an attack away?
CREATE OR REPLACE VIEW attacked_features AS
SELECT
    f.attack_experiment_id,
    k.name AS concept_name,
    f.attack,
    f.epsilon,
    f.fraction,
    a.layer AS attacked_layer,
    f.dictionary_id,
    s.network,
    s.layer,
    d.architecture,
    d.method,
    f.statistic,
    f.value,
    c.value AS clean_value,
    f.random_mean,
    f.flagged,
    c.flagged AS clean_flagged,
    f.auc
FROM attack_features AS f
JOIN attack_experiments AS a USING (attack_experiment_id)
JOIN concepts AS k USING (concept_id)
JOIN dictionaries AS d USING (dictionary_id)
JOIN activation_sets AS s USING (activation_set_id)
JOIN attack_features AS c USING (attack_experiment_id, dictionary_id, statistic)
WHERE c.attack = 'clean'
ORDER BY
    s.network, s.layer, f.attack_experiment_id, f.dictionary_id, f.statistic, f.epsilon, f.fraction, f.attack;
COMMENT ON VIEW attacked_features IS 'one row per (analysis, attack on exemplars, ε, poisoned fraction, dictionary, statistic), clean ones too';
COMMENT ON COLUMN attacked_features.attacked_layer IS 'that the exemplars were attacked at';
COMMENT ON COLUMN attacked_features.layer IS 'that the dictionary reads';
COMMENT ON COLUMN attacked_features.statistic IS 'of one image over its positions: fvu, share of the variance that the dictionary does not reconstruct; rare, share of the activity in features that fire at fewer than 1 % of the random sets'' positions; fragile, 1 − cosine of the activity to that after JPEG; plain, the same of the layer''s activations, which needs no dictionary';
COMMENT ON COLUMN attacked_features.value IS 'mean over the exemplars';
COMMENT ON COLUMN attacked_features.clean_value IS 'of the clean exemplars';
COMMENT ON COLUMN attacked_features.random_mean IS 'mean over the images of the random sets';
COMMENT ON COLUMN attacked_features.flagged IS 'share of the exemplars above the 95th percentile of the random sets'' images: 0.05 where nothing sets them apart';
COMMENT ON COLUMN attacked_features.clean_flagged IS 'of the clean exemplars: false alarms';
COMMENT ON COLUMN attacked_features.auc IS 'probability that a changed exemplar exceeds a clean one; 0.5 by chance';
