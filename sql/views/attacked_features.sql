-- Shows whether the features of a dictionary reveal an attack on exemplars.
CREATE OR REPLACE VIEW attacked_features AS
SELECT
    f.attack_experiment_id,
    v.attack_experiment_label,
    k.name AS concept_name,
    f.attack,
    f.epsilon,
    f.fraction,
    a.layer AS attacked_layer,
    f.dictionary_id,
    n.dictionary_label,
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
JOIN dictionary_labels() AS n USING (dictionary_id)
JOIN attack_experiment_labels() AS v USING (attack_experiment_id)
JOIN attack_features AS c USING (attack_experiment_id, dictionary_id, statistic)
WHERE c.attack = 'clean'
ORDER BY
    s.network, s.layer, f.attack_experiment_id, f.dictionary_id, f.statistic, f.epsilon, f.fraction, f.attack;
COMMENT ON VIEW attacked_features IS 'one row per (attack_experiment_id, attack, epsilon, fraction, dictionary_id, statistic), the clean exemplars included';
COMMENT ON COLUMN attacked_features.attack_experiment_id IS 'content key of the attack experiment; refers to attack_experiments';
COMMENT ON COLUMN attacked_features.attack_experiment_label IS 'label of the attack experiment, unique';
COMMENT ON COLUMN attacked_features.concept_name IS 'name of the concept';
COMMENT ON COLUMN attacked_features.attack IS 'name of the attack or control, as in attacks';
COMMENT ON COLUMN attacked_features.epsilon IS 'largest allowed change ε of a pixel in any channel, steps of 1/255; 0 where clean';
COMMENT ON COLUMN attacked_features.fraction IS 'share of the exemplars that were attacked, 0 to 1; 0 where clean';
COMMENT ON COLUMN attacked_features.attacked_layer IS 'layer at which the exemplars were attacked';
COMMENT ON COLUMN attacked_features.dictionary_id IS 'content key of the dictionary, a sparse autoencoder; refers to dictionaries';
COMMENT ON COLUMN attacked_features.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN attacked_features.network IS 'network of the dictionary; refers to networks';
COMMENT ON COLUMN attacked_features.layer IS 'layer of the dictionary; (network, layer) refers to layers';
COMMENT ON COLUMN attacked_features.architecture IS 'sae (a training row is one activation vector), group-crosscoder or steerable-crosscoder (a training row is an orbit: one vector per transform)';
COMMENT ON COLUMN attacked_features.method IS 'sparsity method, such as topk: a name in tasks/dictionary/methods.py';
COMMENT ON COLUMN attacked_features.statistic IS 'statistic of one image over its positions: fvu, fraction of variance that the dictionary does not reconstruct; rare, share of the activation in features that are active at fewer than 1 % of the random sets'' positions; fragile, 1 - cosine between the features'' activations before and after JPEG; plain, the same for the layer''s activations without a dictionary';
COMMENT ON COLUMN attacked_features.value IS 'mean of the statistic over the exemplars';
COMMENT ON COLUMN attacked_features.clean_value IS 'value of the clean exemplars';
COMMENT ON COLUMN attacked_features.random_mean IS 'mean of the statistic over the images of the random sets';
COMMENT ON COLUMN attacked_features.flagged IS 'share of the exemplars above the 95th percentile of the random sets'' images, 0 to 1; 0.05 where nothing distinguishes them';
COMMENT ON COLUMN attacked_features.clean_flagged IS 'flagged of the clean exemplars, 0 to 1: the rate of false alarms';
COMMENT ON COLUMN attacked_features.auc IS 'area under the ROC curve: probability that a changed exemplar exceeds a clean one of the same concept, 0 to 1; 0.5 by chance, and where clean';
