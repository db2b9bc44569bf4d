-- One row per set of exemplars and random sets that a user of TCAV gets: how far the pictures went, and whether the exemplars are trusted
-- at the layer where they were attacked.
WITH trust AS (
    -- checked again beside other random sets: once is enough
    SELECT network, layer, concept_id, min_by(verdict, trust_analysis_id) AS verdict, min_by(reasons, trust_analysis_id) AS reasons
    FROM concept_trust
    GROUP BY network, layer, concept_id
)
SELECT
    s.attack_experiment_id,
    s.perturbed_set,
    s.attack,
    s.epsilon,
    s.fraction,
    s.images,
    s.changed,
    s.largest_change,
    s.psnr,
    s.perceptual,
    t.verdict AS trust,
    t.reasons
FROM attacks AS s
JOIN attack_experiments AS a USING (attack_experiment_id)
LEFT JOIN trust AS t ON t.concept_id = s.concept_id AND t.network = a.network AND t.layer = a.layer
ORDER BY s.attack_experiment_id, s.perturbed_set, s.attack, s.epsilon, s.fraction;
