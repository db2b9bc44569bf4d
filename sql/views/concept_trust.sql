-- Which sets of exemplars can't be trusted, and why?
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
    a.network,
    a.layer,
    c.concept_id,
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
    c.colour_grain
FROM checked AS c
JOIN trust_analyses AS a USING (trust_analysis_id)
JOIN concepts AS k USING (concept_id)
LEFT JOIN attacked AS h USING (concept_id)
ORDER BY a.network, a.layer, c.trust_analysis_id, h.concept_id IS NOT NULL OR k.origin = 'attacked', concept_name, c.concept_id;
COMMENT ON VIEW concept_trust IS 'one row per (analysis, set of exemplars): the checks of whether it is what it seems';
COMMENT ON COLUMN concept_trust.concept_id IS 'content key of the exemplars';
COMMENT ON COLUMN concept_trust.origin IS 'folder or drawn: clean; attacked: changed by an attack, or by noise of its size';
COMMENT ON COLUMN concept_trust.attack IS 'that changed the exemplars, a control''s name included; null where none is known';
COMMENT ON COLUMN concept_trust.epsilon IS 'of the attack, in steps of 1/255';
COMMENT ON COLUMN concept_trust.fraction IS 'of the exemplars that the attack changed';
COMMENT ON COLUMN concept_trust.verdict IS 'trusted: no check is above its threshold; else not trusted';
COMMENT ON COLUMN concept_trust.reasons IS 'the checks above their threshold, with both numbers';
COMMENT ON COLUMN concept_trust.cav_shift_after_jpeg IS '1 − cosine between the vector and the one of the same images after JPEG';
COMMENT ON COLUMN concept_trust.split_half_disagreement IS 'how much less the vectors of the halves that JPEG moves least and most agree, as cosine, than after';
COMMENT ON COLUMN concept_trust.colour_grain IS 'contrast between neighbouring pixels in colour alone, where there is least, in steps of 1/255';
