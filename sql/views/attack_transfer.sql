-- Does what an attack does at one layer carry to other layers, and to networks that it never saw?
CREATE OR REPLACE VIEW attack_transfer AS
SELECT *
FROM attack_by_layer
QUALIFY fraction = max(fraction) OVER (PARTITION BY attack_experiment_id, perturbed_set, attack, epsilon)
ORDER BY
    network, layer, kind, concept_name, class_name, attack_experiment_id,
    perturbed_set, epsilon, attack, attacked_here DESC, eval_network, eval_layer;
COMMENT ON VIEW attack_transfer IS 'one row per (analysis, whose images, attack, ε, network and layer that read), of the largest poisoned fraction; columns as in attack_by_layer';
COMMENT ON COLUMN attack_transfer.network IS 'that the exemplars were attacked in';
COMMENT ON COLUMN attack_transfer.layer IS 'that the exemplars were attacked at';
COMMENT ON COLUMN attack_transfer.attacked_here IS 'the sets are read where they were attacked; elsewhere they never were';
COMMENT ON COLUMN attack_transfer.clean_score IS 'of the clean sets, read at the same place';
COMMENT ON COLUMN attack_transfer.noise_score IS 'of the same images under noise of the same ε and fraction, read at the same place; null where clean';
COMMENT ON COLUMN attack_transfer.verdict_flipped IS 'against clean_verdict, verdict goes where the story wants it: from matters to another, or, in a positive story, from another to matters';
COMMENT ON COLUMN attack_transfer.cosine IS 'of the mean vector to that of the clean sets at the same place';
