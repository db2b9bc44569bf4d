-- Which features make up a family, and where on the circle does each stand?
CREATE OR REPLACE VIEW family_members AS
SELECT
    m.family_analysis_id,
    a.dictionary_id,
    s.network,
    s.layer,
    m.family,
    m.feature,
    m.feature = h.prototype AS is_prototype,
    m.orientation_degrees,
    m.mirrored,
    m.similarity,
    m.strength,
    m.stimulus_type,
    f.density,
    y.type,
    y.stabiliser
FROM feature_families AS m
JOIN family_shapes AS h USING (family_analysis_id, family)
JOIN family_analyses AS a USING (family_analysis_id)
JOIN dictionaries AS d USING (dictionary_id)
JOIN activation_sets AS s USING (activation_set_id)
JOIN features AS f USING (dictionary_id, feature)
LEFT JOIN feature_symmetry AS y USING (dictionary_id, feature)
ORDER BY s.network, s.layer, a.dictionary_id, m.family_analysis_id, m.family, m.mirrored, m.orientation_degrees, m.feature;
COMMENT ON VIEW family_members IS 'one row per (analysis, family, feature): around the circle, those in no family left out';
COMMENT ON COLUMN family_members.orientation_degrees IS 'counter-clockwise from the prototype, within the family''s period; null where the family has no orientations';
COMMENT ON COLUMN family_members.mirrored IS 'whether only a reflection carries the prototype to it';
COMMENT ON COLUMN family_members.similarity IS 'cosine with the prototype, turned to the feature';
COMMENT ON COLUMN family_members.strength IS 'how surely it belongs, 0 to 1';
COMMENT ON COLUMN family_members.type IS 'symmetry type of the feature itself; null for an SAE';
