-- What does a unit's picture show of a facet once the facet's images were attacked, and what of the facet they were pushed to?
CREATE OR REPLACE VIEW facet_effect AS
WITH seen AS (
    SELECT p.*, own.logit, other.facet_id AS other, other.logit AS other_logit
    FROM facet_pictures AS p
    JOIN facet_readings AS own USING (facet_analysis_id, place, facet_id)
    JOIN facet_readings AS other USING (facet_analysis_id, place)
),
plain AS (
    SELECT r.facet_analysis_id, r.facet_id, r.logit
    FROM facet_readings AS r
    JOIN facet_pictures AS p USING (facet_analysis_id, place)
    WHERE p.attack = 'plain'
)
SELECT
    s.facet_analysis_id,
    a.network,
    a.layer,
    a.unit,
    a.unit_name,
    a.facet_layer,
    s.facet_id,
    f.name AS facet_name,
    s.attack,
    s.target_facet_id,
    t.name AS target_name,
    CASE WHEN s.attack IN ('plain', 'clean') THEN 0 ELSE a.epsilon END AS epsilon,
    s.accuracy,
    s.cosine,
    s.logit,
    p.logit AS plain_logit,
    c.logit AS clean_logit,
    n.logit AS noise_logit,
    if(s.target_facet_id IS NULL, NULL, s.other_logit) AS target_logit,
    if(s.target_facet_id IS NULL, NULL, c.other_logit) AS clean_target_logit
FROM seen AS s
JOIN facet_analyses AS a USING (facet_analysis_id)
JOIN concepts AS f ON f.concept_id = s.facet_id
LEFT JOIN concepts AS t ON t.concept_id = s.target_facet_id
JOIN plain AS p USING (facet_analysis_id, facet_id)
JOIN seen AS c ON c.attack = 'clean' AND (c.facet_analysis_id, c.facet_id, c.other) = (s.facet_analysis_id, s.facet_id, s.other)
LEFT JOIN seen AS n ON n.attack = 'noise' AND (n.facet_analysis_id, n.facet_id, n.other) = (s.facet_analysis_id, s.facet_id, s.other)
WHERE s.other = coalesce(s.target_facet_id, s.facet_id)
ORDER BY a.network, a.layer, a.unit, s.facet_analysis_id, facet_name, s.facet_id, s.place;
COMMENT ON VIEW facet_effect IS 'one row per (analysis, facet, attack, and of positive ones the target): a picture of the unit under the facet';
COMMENT ON COLUMN facet_effect.facet_id IS 'content key of the facet''s clean images';
COMMENT ON COLUMN facet_effect.attack IS 'on the facet''s images: clean, noise, negative (away from the facet''s own mean), positive (towards the target''s)';
COMMENT ON COLUMN facet_effect.target_facet_id IS 'content key of the facet that a positive attack pushes to';
COMMENT ON COLUMN facet_effect.epsilon IS 'of the attack, in steps of 1/255; 0 where clean';
COMMENT ON COLUMN facet_effect.accuracy IS 'of the facet''s probe on held-out images, as it saw them';
COMMENT ON COLUMN facet_effect.cosine IS 'of the facet''s probe to that of the clean images';
COMMENT ON COLUMN facet_effect.logit IS 'how much the picture shows of the facet: of the facet''s clean probe; compare between pictures';
COMMENT ON COLUMN facet_effect.plain_logit IS 'of the same probe, on the unit''s picture without a facet';
COMMENT ON COLUMN facet_effect.clean_logit IS 'of the same probe, on the picture under the clean facet';
COMMENT ON COLUMN facet_effect.noise_logit IS 'of the same probe, on the picture under the facet whose images got noise';
COMMENT ON COLUMN facet_effect.target_logit IS 'how much the picture shows of the target: of the target''s clean probe; null where there is no target';
COMMENT ON COLUMN facet_effect.clean_target_logit IS 'of the target''s clean probe, on the picture under the clean facet';
