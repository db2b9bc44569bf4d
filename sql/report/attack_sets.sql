-- One row per set of exemplars and random sets that a user of TCAV gets: how far the pictures went, and whether the exemplars are trusted
-- at the layer where they were attacked.
WITH trust AS (
    -- checked again beside other random sets: once is enough
    SELECT network, layer, concept, min_by(verdict, analysis) AS verdict, min_by(reasons, analysis) AS reasons
    FROM concept_trust
    GROUP BY network, layer, concept
)
SELECT
    s.analysis,
    s.touched,
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
JOIN attack_analyses AS a USING (analysis)
LEFT JOIN trust AS t ON t.concept = s.concept AND t.network = a.network AND t.layer = a.layer
ORDER BY s.analysis, s.touched, s.attack, s.epsilon, s.fraction;
