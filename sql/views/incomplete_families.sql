-- Which families lack members, and at which orientations?
CREATE OR REPLACE VIEW incomplete_families AS
SELECT
    f.family_analysis_id,
    f.dictionary_id,
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
COMMENT ON VIEW incomplete_families IS 'one row per (analysis, family) that leaves part of its period uncovered; the most nearly complete first, of those the largest';
COMMENT ON COLUMN incomplete_families.covered IS 'share of the period within reach of some member';
COMMENT ON COLUMN incomplete_families.missing_orientations IS 'where the missing members would stand, degrees from the prototype';
