-- Lists the members of each family with their orientations.
CREATE OR REPLACE VIEW family_members AS
SELECT
    m.family_analysis_id,
    v.family_analysis_label,
    a.dictionary_id,
    n.dictionary_label,
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
JOIN family_analysis_labels() AS v USING (family_analysis_id)
JOIN dictionary_labels() AS n USING (dictionary_id)
LEFT JOIN feature_symmetry AS y USING (dictionary_id, feature)
ORDER BY s.network, s.layer, a.dictionary_id, m.family_analysis_id, m.family, m.mirrored, m.orientation_degrees, m.feature;
COMMENT ON VIEW family_members IS 'one row per (family_analysis_id, family, feature), without the features in no family';
COMMENT ON COLUMN family_members.family_analysis_id IS 'content key of the family analysis; refers to family_analyses';
COMMENT ON COLUMN family_members.family_analysis_label IS 'label of the family analysis, unique';
COMMENT ON COLUMN family_members.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN family_members.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN family_members.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN family_members.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN family_members.family IS 'number of the family; (family_analysis_id, family) refers to family_shapes';
COMMENT ON COLUMN family_members.feature IS 'number of the feature in its dictionary, counted from 0; (dictionary_id, feature) refers to features';
COMMENT ON COLUMN family_members.is_prototype IS 'whether the feature is the family''s prototype';
COMMENT ON COLUMN family_members.orientation_degrees IS 'orientation of the feature, degrees counter-clockwise from the prototype, within the family''s period; null where the family has no orientations';
COMMENT ON COLUMN family_members.mirrored IS 'whether only a reflection maps the prototype to the feature';
COMMENT ON COLUMN family_members.similarity IS 'cosine between the feature and the prototype transformed to match it, -1 to 1';
COMMENT ON COLUMN family_members.strength IS 'how well the feature fits its family, 0 to 1: mean cosine with the other members, each transformed to match it; before schema version 7, HDBSCAN''s membership probability; 0 in no family';
COMMENT ON COLUMN family_members.stimulus_type IS 'family of the synthetic stimulus with the largest response: curve, line, edge, angle, grating, hatch, centre-surround, colour, mixed or other (as in unit_tuning); null for a dictionary that encodes whole orbits of hue or scale';
COMMENT ON COLUMN family_members.density IS 'share of rows on which the feature is active, 0 to 1';
COMMENT ON COLUMN family_members.type IS 'symmetry type of the feature itself, as in feature_symmetry; null for an SAE';
COMMENT ON COLUMN family_members.stabiliser IS 'subgroup of transforms that leave the feature itself unchanged: trivial, C_k, D_k or full; null for an SAE';
