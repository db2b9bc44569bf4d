-- Lists the sets of exemplars with the results of tamper detection.
CREATE OR REPLACE VIEW concept_trust AS
WITH attacked AS (
    SELECT concept_id, min({attack: attack, epsilon: epsilon, fraction: fraction}) AS how
    FROM attacks
    WHERE perturbed_set = 'concept' AND changed > 0
    GROUP BY concept_id
),
checked AS (
    SELECT
        trust_analysis_id,
        concept_id,
        bool_and(passed) AS trusted,
        coalesce(
            list(format('{} {:.3g} > {:g}', check_name, value, threshold) ORDER BY check_name) FILTER (NOT passed), []
        ) AS reasons,
        any_value(value) FILTER (check_name = 'CAV shift after JPEG') AS cav_shift_after_jpeg,
        any_value(value) FILTER (check_name = 'split-half disagreement') AS split_half_disagreement,
        any_value(value) FILTER (check_name = 'colour grain') AS colour_grain
    FROM trust_checks
    GROUP BY trust_analysis_id, concept_id
)
SELECT
    c.trust_analysis_id,
    v.trust_analysis_label,
    a.network,
    a.layer,
    c.concept_id,
    n.concept_label,
    k.name AS concept_name,
    if(h.concept_id IS NULL, k.origin, 'attacked') AS origin,
    k.exemplars,
    h.how.attack AS attack,
    h.how.epsilon AS epsilon,
    h.how.fraction AS fraction,
    CASE WHEN c.trusted THEN 'trusted' ELSE 'not trusted' END AS verdict,
    c.reasons,
    c.cav_shift_after_jpeg,
    c.split_half_disagreement,
    c.colour_grain,
    a.calibration_sets
FROM checked AS c
JOIN trust_analyses AS a USING (trust_analysis_id)
JOIN concepts AS k USING (concept_id)
JOIN trust_analysis_labels() AS v USING (trust_analysis_id)
JOIN concept_labels() AS n USING (concept_id)
LEFT JOIN attacked AS h USING (concept_id)
ORDER BY a.network, a.layer, c.trust_analysis_id, h.concept_id IS NOT NULL OR k.origin = 'attacked', concept_name, c.concept_id;
COMMENT ON VIEW concept_trust IS 'one row per (trust_analysis_id, concept_id): tamper detection on one set of exemplars';
COMMENT ON COLUMN concept_trust.trust_analysis_id IS 'content key of the tamper detection run; refers to trust_analyses';
COMMENT ON COLUMN concept_trust.trust_analysis_label IS 'label of the tamper detection run, unique';
COMMENT ON COLUMN concept_trust.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN concept_trust.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN concept_trust.concept_id IS 'content key of the exemplars that were checked; refers to concepts';
COMMENT ON COLUMN concept_trust.concept_label IS 'label of the exemplars, unique';
COMMENT ON COLUMN concept_trust.concept_name IS 'name of the set of exemplars';
COMMENT ON COLUMN concept_trust.origin IS 'folder or drawn: clean exemplars; attacked: changed by an attack or by one of its controls';
COMMENT ON COLUMN concept_trust.exemplars IS 'number of images in the set';
COMMENT ON COLUMN concept_trust.attack IS 'attack or control that changed the exemplars; null where none is known';
COMMENT ON COLUMN concept_trust.epsilon IS 'largest allowed change ε of that attack, steps of 1/255; null where none is known';
COMMENT ON COLUMN concept_trust.fraction IS 'share of the exemplars that were attacked, 0 to 1; null where none is known';
COMMENT ON COLUMN concept_trust.verdict IS 'trusted where every check passed, otherwise not trusted';
COMMENT ON COLUMN concept_trust.reasons IS 'one text for each failed check: its name, value and threshold; an empty list where every check passed';
COMMENT ON COLUMN concept_trust.cav_shift_after_jpeg IS 'check CAV shift after JPEG: 1 - cosine between the concept activation vectors before and after JPEG, 0 to 2';
COMMENT ON COLUMN concept_trust.split_half_disagreement IS 'check split-half disagreement: cosine between the vectors of two halves of the exemplars (those that JPEG changes least and most) after JPEG, minus the same before it';
COMMENT ON COLUMN concept_trust.colour_grain IS 'check colour grain: contrast between neighbouring pixels in colour alone, upper quartile over the exemplars, steps of 1/255';
COMMENT ON COLUMN concept_trust.calibration_sets IS 'number of clean random sets on which the thresholds of the first two checks were calibrated; 0: thresholds that were chosen at efficientnet_lite0 block10 and inceptionv1-bvlc mixed4d';
