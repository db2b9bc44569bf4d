-- Verifies families on images: when the image that activates one member is transformed, the other member should be active.
CREATE OR REPLACE VIEW equivariant_pairs AS
SELECT
    p.family_analysis_id,
    v.family_analysis_label,
    a.dictionary_id,
    n.dictionary_label,
    s.network,
    s.layer,
    f.family,
    p.feature,
    p.partner,
    p.element,
    360.0 * (p.element % a.n_rotations) / a.n_rotations AS rotation_degrees,
    p.element >= a.n_rotations AS mirrored,
    p.similarity,
    p.examples,
    p.fired,
    p.chance,
    p.fired / nullif(p.chance, 0) AS lift
FROM family_pairs AS p
JOIN feature_families AS f USING (family_analysis_id, feature)
JOIN family_analyses AS a USING (family_analysis_id)
JOIN dictionaries AS d USING (dictionary_id)
JOIN activation_sets AS s USING (activation_set_id)
JOIN family_analysis_labels() AS v USING (family_analysis_id)
JOIN dictionary_labels() AS n USING (dictionary_id);
COMMENT ON VIEW equivariant_pairs IS 'one row per (family_analysis_id, feature, partner): two members of one family';
COMMENT ON COLUMN equivariant_pairs.family_analysis_id IS 'content key of the family analysis; refers to family_analyses';
COMMENT ON COLUMN equivariant_pairs.family_analysis_label IS 'label of the family analysis, unique';
COMMENT ON COLUMN equivariant_pairs.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN equivariant_pairs.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN equivariant_pairs.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN equivariant_pairs.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN equivariant_pairs.family IS 'number of the family; (family_analysis_id, family) refers to family_shapes';
COMMENT ON COLUMN equivariant_pairs.feature IS 'number of the feature; (family_analysis_id, feature) refers to feature_families';
COMMENT ON COLUMN equivariant_pairs.partner IS 'number of the other member; (family_analysis_id, partner) refers to feature_families';
COMMENT ON COLUMN equivariant_pairs.element IS 'number of the group element h that maps the feature to the partner: mirrored left to right where mirrored is true, then rotated';
COMMENT ON COLUMN equivariant_pairs.rotation_degrees IS 'angle of the rotation in h, degrees counter-clockwise, 0 to 360';
COMMENT ON COLUMN equivariant_pairs.mirrored IS 'whether h contains a reflection';
COMMENT ON COLUMN equivariant_pairs.similarity IS 'cosine between the partner and the feature transformed by h, -1 to 1';
COMMENT ON COLUMN equivariant_pairs.examples IS 'number of test images that activate the feature most and are used for the check, at most 8';
COMMENT ON COLUMN equivariant_pairs.fired IS 'share of those images on which the partner is active once the image is transformed by h, 0 to 1; null without examples';
COMMENT ON COLUMN equivariant_pairs.chance IS 'mean of the same share over all elements of the group, 0 to 1: what an arbitrary transform gives; null without examples';
COMMENT ON COLUMN equivariant_pairs.lift IS 'fired over chance; 1 is no better than an arbitrary transform; null without examples, and where chance is 0';
