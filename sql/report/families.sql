-- Returns one row per family of at least two members, the largest first: its shape, and the stimulus types of its members, the most
-- frequent first.
WITH counted AS (
    SELECT family_analysis_id, family, stimulus_type, count(*) AS members
    FROM feature_families
    WHERE family IS NOT NULL AND stimulus_type IS NOT NULL
    GROUP BY ALL
),
answers AS (
    SELECT
        family_analysis_id,
        family,
        list({'stimulus_type': stimulus_type, 'members': members} ORDER BY members DESC, stimulus_type) AS stimuli
    FROM counted
    GROUP BY family_analysis_id, family
)
SELECT
    f.family_analysis_id,
    f.family,
    f.size,
    f.prototype,
    f.type,
    f.period_degrees,
    f.stabiliser,
    f.mean_similarity,
    f.evenness,
    f.covered,
    f.missing_members,
    f.verified_pairs,
    f.fired,
    f.chance,
    s.reach_degrees,
    s.missing_orientations,
    s.profile,
    s.profile_low,
    s.profile_high,
    answers.stimuli
FROM families AS f
JOIN family_shapes AS s USING (family_analysis_id, family)
LEFT JOIN answers USING (family_analysis_id, family)
WHERE f.size > 1
ORDER BY f.family_analysis_id, f.family;
