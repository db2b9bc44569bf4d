-- Shows how much a unit's picture contains of a facet after the facet's images were attacked, and how much of the facet that they were pushed to.
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
    v.facet_analysis_label,
    a.network,
    a.layer,
    a.unit,
    a.unit_name,
    a.facet_layer,
    s.facet_id,
    u.concept_label AS facet_label,
    f.name AS facet_name,
    s.attack,
    s.target_facet_id,
    w.concept_label AS target_facet_label,
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
JOIN facet_analysis_labels() AS v USING (facet_analysis_id)
JOIN concept_labels() AS u ON u.concept_id = s.facet_id
LEFT JOIN concept_labels() AS w ON w.concept_id = s.target_facet_id
JOIN concepts AS f ON f.concept_id = s.facet_id
LEFT JOIN concepts AS t ON t.concept_id = s.target_facet_id
JOIN plain AS p USING (facet_analysis_id, facet_id)
JOIN seen AS c ON c.attack = 'clean' AND (c.facet_analysis_id, c.facet_id, c.other) = (s.facet_analysis_id, s.facet_id, s.other)
LEFT JOIN seen AS n ON n.attack = 'noise' AND (n.facet_analysis_id, n.facet_id, n.other) = (s.facet_analysis_id, s.facet_id, s.other)
WHERE s.other = coalesce(s.target_facet_id, s.facet_id)
ORDER BY a.network, a.layer, a.unit, s.facet_analysis_id, facet_name, s.facet_id, s.place;
COMMENT ON VIEW facet_effect IS 'one row per (facet_analysis_id, facet_id, attack, target_facet_id): a picture of the unit under the facet';
COMMENT ON COLUMN facet_effect.facet_analysis_id IS 'content key of the facet analysis; refers to facet_analyses';
COMMENT ON COLUMN facet_effect.facet_analysis_label IS 'label of the facet analysis, unique';
COMMENT ON COLUMN facet_effect.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN facet_effect.layer IS 'layer of the unit; (network, layer) refers to layers';
COMMENT ON COLUMN facet_effect.unit IS 'channel of the layer; for a class, the number of the class (layer is then the last one before the classifier)';
COMMENT ON COLUMN facet_effect.unit_name IS 'layer and channel, or name of the class';
COMMENT ON COLUMN facet_effect.facet_layer IS 'lower layer, at which facets are separated from generic images and attacked; (network, facet_layer) refers to layers';
COMMENT ON COLUMN facet_effect.facet_id IS 'content key of the facet''s clean images; refers to concepts';
COMMENT ON COLUMN facet_effect.facet_label IS 'label of the facet''s clean images, unique';
COMMENT ON COLUMN facet_effect.facet_name IS 'name of the facet';
COMMENT ON COLUMN facet_effect.attack IS 'what was done to the facet''s images: clean, noise, negative (pushed away from the facet''s own mean) or positive (pushed towards the target facet''s mean)';
COMMENT ON COLUMN facet_effect.target_facet_id IS 'content key of the facet that a positive attack pushes the images to; refers to concepts; null for other attacks';
COMMENT ON COLUMN facet_effect.target_facet_label IS 'label of the facet that a positive attack pushes the images to, unique; null for other attacks';
COMMENT ON COLUMN facet_effect.target_name IS 'name of that target facet; null for other attacks';
COMMENT ON COLUMN facet_effect.epsilon IS 'largest allowed change ε of a pixel in any channel, steps of 1/255; 0 where clean';
COMMENT ON COLUMN facet_effect.accuracy IS 'share of held-out images, of the facet and generic ones, on the correct side of the probe, 0 to 1';
COMMENT ON COLUMN facet_effect.cosine IS 'cosine between the facet''s probe and the one of the clean images, -1 to 1';
COMMENT ON COLUMN facet_effect.logit IS 'how much of the facet the picture shows: logit of the facet''s clean probe; comparable between pictures of one facet';
COMMENT ON COLUMN facet_effect.plain_logit IS 'logit of the same probe on the unit''s picture without a facet';
COMMENT ON COLUMN facet_effect.clean_logit IS 'logit of the same probe on the picture under the clean facet';
COMMENT ON COLUMN facet_effect.noise_logit IS 'logit of the same probe on the picture under the facet after noise was added to its images; null without such a picture';
COMMENT ON COLUMN facet_effect.target_logit IS 'how much of the target facet the picture shows: logit of the target''s clean probe; null where there is no target';
COMMENT ON COLUMN facet_effect.clean_target_logit IS 'logit of the target''s clean probe on the picture under the clean facet; null where there is no target';
