-- Does the transform that carries one feature to another really do so: turn the images of one, and the other fires?
CREATE OR REPLACE VIEW equivariant_pairs AS
SELECT
    p.family_analysis_id,
    a.dictionary_id,
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
JOIN activation_sets AS s USING (activation_set_id);
COMMENT ON VIEW equivariant_pairs IS 'one row per (analysis, feature, partner), both ways round: members of one family';
COMMENT ON COLUMN equivariant_pairs.element IS 'group element that carries the feature to the partner: mirrored left to right if so, then rotated counter-clockwise';
COMMENT ON COLUMN equivariant_pairs.examples IS 'unseen images that excite the feature most';
COMMENT ON COLUMN equivariant_pairs.fired IS 'share of them on which the partner fires once they are so transformed; null without examples';
COMMENT ON COLUMN equivariant_pairs.chance IS 'the same share over all elements of the group';
COMMENT ON COLUMN equivariant_pairs.lift IS 'fired over chance; null where the partner never fires';
