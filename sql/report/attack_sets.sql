-- Returns one row per attacked set, the clean one included: how much its images changed, and whether tamper detection at the attacked layer
-- trusts the exemplars.
WITH trust AS (
    -- a set may have been checked with several choices of random sets: one verdict is enough
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
