-- Which features are turned and mirrored copies of one another, and how evenly do they fill the circle?
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
    a.dictionary_id,
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
LEFT JOIN stimuli AS t USING (family_analysis_id, family)
LEFT JOIN verified AS v USING (family_analysis_id, family)
ORDER BY s.network, s.layer, a.dictionary_id, a.family_analysis_id, h.family;
COMMENT ON VIEW families IS 'one row per (analysis, family), the largest of an analysis first; a dictionary may have several analyses';
COMMENT ON COLUMN families.n_rotations IS 'of the group that features were compared under; 1 for an SAE, whose families have no orientations';
COMMENT ON COLUMN families.prototype IS 'feature nearest to all others of the family';
COMMENT ON COLUMN families.stimulus_type IS 'drawn stimuli that most of its members answer';
COMMENT ON COLUMN families.purity IS 'share of the members that do';
COMMENT ON COLUMN families.evenness IS 'of the members'' orientations: 0 all at one, 1 even';
COMMENT ON COLUMN families.covered IS 'share of the period within reach of some member';
COMMENT ON COLUMN families.missing_members IS 'members that would cover the rest';
COMMENT ON COLUMN families.verified_pairs IS 'pairs of members that unseen images were turned for';
COMMENT ON COLUMN families.fired IS 'mean over them: share of images that, turned by what carries one to the other, excite the other';
COMMENT ON COLUMN families.chance IS 'the same for any element of the group';
