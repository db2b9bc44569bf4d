-- Returns one row per (layer, set of exemplars) that tamper detection checked, clean sets first.
SELECT
    trust_analysis_id,
    trust_analysis_label,
    network,
    layer,
    concept_name,
    verdict,
    reasons,
    cav_shift_after_jpeg,
    split_half_disagreement,
    colour_grain,
    calibration_sets
FROM concept_trust
ORDER BY network, layer, origin = 'attacked', attack, epsilon, fraction, concept_name, concept_id, trust_analysis_id;
