-- Lists families of features that are rotated and mirrored copies of one another, and how evenly they cover the circle.
CREATE OR REPLACE VIEW families AS
WITH stimuli AS (
    SELECT family_analysis_id, family, stimulus_type, count(*) AS answering
    FROM feature_families
    WHERE family IS NOT NULL AND stimulus_type IS NOT NULL
    GROUP BY family_analysis_id, family, stimulus_type
    QUALIFY row_number() OVER (PARTITION BY family_analysis_id, family ORDER BY answering DESC, stimulus_type) = 1
),
verified AS (
    SELECT f.family_analysis_id, f.family, count(p.fired) AS pairs, avg(p.fired) AS fired, avg(p.chance) AS chance
    FROM family_pairs AS p
    JOIN feature_families AS f USING (family_analysis_id, feature)
    GROUP BY ALL
)
SELECT
    a.family_analysis_id,
    l.family_analysis_label,
    a.dictionary_id,
    n.dictionary_label,
    s.network,
    s.layer,
    d.architecture,
    a.n_rotations,
    h.family,
    h.size,
    h.prototype,
    h.type,
    h.period_degrees,
    h.stabiliser,
    t.stimulus_type,
    t.answering / h.size AS purity,
    h.evenness,
    h.covered,
    h.missing_members,
    h.mean_similarity,
    coalesce(v.pairs, 0) AS verified_pairs,
    v.fired,
    v.chance
FROM family_shapes AS h
JOIN family_analyses AS a USING (family_analysis_id)
JOIN dictionaries AS d USING (dictionary_id)
JOIN activation_sets AS s USING (activation_set_id)
JOIN family_analysis_labels() AS l USING (family_analysis_id)
JOIN dictionary_labels() AS n USING (dictionary_id)
LEFT JOIN stimuli AS t USING (family_analysis_id, family)
LEFT JOIN verified AS v USING (family_analysis_id, family)
ORDER BY s.network, s.layer, a.dictionary_id, a.family_analysis_id, h.family;
COMMENT ON VIEW families IS 'one row per (family_analysis_id, family), the largest family of an analysis first; a dictionary may have several analyses';
COMMENT ON COLUMN families.family_analysis_id IS 'content key of the family analysis; refers to family_analyses';
COMMENT ON COLUMN families.family_analysis_label IS 'label of the family analysis, unique';
COMMENT ON COLUMN families.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN families.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN families.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN families.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN families.architecture IS 'sae (a training row is one activation vector), group-crosscoder or steerable-crosscoder (a training row is an orbit: one vector per transform)';
COMMENT ON COLUMN families.n_rotations IS 'number of rotations n in the group under which features are compared; 1 for an SAE';
COMMENT ON COLUMN families.family IS 'number of the family in its analysis, counted from 0';
COMMENT ON COLUMN families.size IS 'number of members';
COMMENT ON COLUMN families.prototype IS 'number of the member feature with the smallest total distance to all other members';
COMMENT ON COLUMN families.type IS 'symmetry type of the mean of the members'' blocks, each transformed to match the prototype: invariant, period-360, period-180, … or mixed; null where features are compared under a group of order 1 (SAE)';
COMMENT ON COLUMN families.period_degrees IS 'smallest rotation that leaves that mean unchanged, degrees; members'' orientations are measured within it; null where the family has no orientations: invariant, mixed or SAE';
COMMENT ON COLUMN families.stabiliser IS 'subgroup that leaves that mean unchanged: trivial, C_k, D_k or full; null for an SAE';
COMMENT ON COLUMN families.stimulus_type IS 'most frequent stimulus type among the members; null where no member has one';
COMMENT ON COLUMN families.purity IS 'share of the members with that stimulus type, 0 to 1; null where no member has one';
COMMENT ON COLUMN families.evenness IS 'entropy of the gaps between the members'' orientations over that of equal gaps: 0 where all are equal, 1 where they are evenly spaced; null without orientations';
COMMENT ON COLUMN families.covered IS 'share of the period that lies within reach of some member, 0 to 1; null without orientations';
COMMENT ON COLUMN families.missing_members IS 'number of further members needed to cover the rest of the period; null without orientations';
COMMENT ON COLUMN families.mean_similarity IS 'mean cosine of the members with the prototype, each transformed to match it, -1 to 1';
COMMENT ON COLUMN families.verified_pairs IS 'number of pairs of members that were verified on test images';
COMMENT ON COLUMN families.fired IS 'mean over these pairs of the share of images on which the partner is active after the transform, 0 to 1; null without such pairs';
COMMENT ON COLUMN families.chance IS 'mean over these pairs of the share that an arbitrary transform gives, 0 to 1; null without such pairs';
