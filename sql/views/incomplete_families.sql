-- Lists families that lack members, with the orientations of the missing ones.
CREATE OR REPLACE VIEW incomplete_families AS
SELECT
    f.family_analysis_id,
    f.family_analysis_label,
    f.dictionary_id,
    f.dictionary_label,
    f.network,
    f.layer,
    f.n_rotations,
    f.family,
    f.size,
    f.prototype,
    f.type,
    f.period_degrees,
    f.stimulus_type,
    f.purity,
    f.covered,
    f.missing_members,
    h.missing_orientations,
    h.reach_degrees
FROM families AS f
JOIN family_shapes AS h USING (family_analysis_id, family)
WHERE f.missing_members > 0
ORDER BY f.covered DESC, f.size DESC, f.family_analysis_id, f.family;
COMMENT ON VIEW incomplete_families IS 'one row per (family_analysis_id, family) that leaves part of its period uncovered, the most complete first';
COMMENT ON COLUMN incomplete_families.family_analysis_id IS 'content key of the family analysis; refers to family_analyses';
COMMENT ON COLUMN incomplete_families.family_analysis_label IS 'label of the family analysis, unique';
COMMENT ON COLUMN incomplete_families.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN incomplete_families.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN incomplete_families.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN incomplete_families.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN incomplete_families.n_rotations IS 'number of rotations n in the group under which features are compared; 1 for an SAE';
COMMENT ON COLUMN incomplete_families.family IS 'number of the family in its analysis, counted from 0';
COMMENT ON COLUMN incomplete_families.size IS 'number of members';
COMMENT ON COLUMN incomplete_families.prototype IS 'number of the member feature with the smallest total distance to all other members';
COMMENT ON COLUMN incomplete_families.type IS 'symmetry type of the mean of the members'' blocks, each transformed to match the prototype: invariant, period-360, period-180, … or mixed; null where features are compared under a group of order 1 (SAE)';
COMMENT ON COLUMN incomplete_families.period_degrees IS 'smallest rotation that leaves the family''s mean unchanged, degrees';
COMMENT ON COLUMN incomplete_families.stimulus_type IS 'most frequent stimulus type among the members; null where no member has one';
COMMENT ON COLUMN incomplete_families.purity IS 'share of the members with that stimulus type, 0 to 1; null where no member has one';
COMMENT ON COLUMN incomplete_families.covered IS 'share of the period that lies within reach of some member, 0 to 1';
COMMENT ON COLUMN incomplete_families.missing_members IS 'number of further members needed to cover the rest of the period, at least 1';
COMMENT ON COLUMN incomplete_families.missing_orientations IS 'orientations of the missing members, degrees counter-clockwise from the prototype';
COMMENT ON COLUMN incomplete_families.reach_degrees IS 'rotation at which the mean''s similarity to itself has fallen half way from its largest to its smallest value, degrees: how far to either side a member covers the circle';
