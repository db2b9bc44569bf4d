-- Where do curves and lines part: does a family come back to itself after half a turn, or only after a whole one?
CREATE OR REPLACE VIEW curves_and_lines AS
WITH of_one_type AS (
    SELECT
        m.family_analysis_id,
        m.stimulus_type,
        h.size,
        h.type,
        h.profile,
        [h.profile[-1]] || h.profile AS around,
        -- the identity's own 1 is no measure of the height
        (list_max(h.profile[2:]) + list_min(h.profile)) / 2 AS half
    FROM feature_families AS m
    JOIN family_shapes AS h USING (family_analysis_id, family)
    WHERE m.stimulus_type IN ('curve', 'line', 'edge', 'grating') AND h.profile IS NOT NULL
    GROUP BY m.family_analysis_id, m.family, m.stimulus_type, h.size, h.type, h.profile
    HAVING count(*) > h.size / 2
),
seen AS (
    SELECT
        family_analysis_id,
        stimulus_type,
        size,
        -- what no rotation changes has a flat profile, and its ripples are no peaks
        CASE type
            WHEN 'invariant' THEN 0
            ELSE len(list_filter(range(1, len(around)), lambda k: around[k] <= half AND around[k + 1] > half))
        END AS peaks,
        CASE WHEN len(profile) % 2 = 0 THEN profile[len(profile) // 2 + 1] END AS half_turn
    FROM of_one_type
)
SELECT
    a.family_analysis_id,
    a.dictionary_id,
    s.network,
    s.layer,
    x.stimulus_type,
    count(*) AS families,
    sum(x.size)::BIGINT AS members,
    count(*) FILTER (x.peaks = 1) AS with_one_peak,
    count(*) FILTER (x.peaks = 2) AS with_two_peaks,
    sum(x.peaks * x.size) / sum(x.size) AS mean_peaks,
    sum(x.half_turn * x.size) / sum(x.size) AS mean_half_turn
FROM seen AS x
JOIN family_analyses AS a USING (family_analysis_id)
JOIN dictionaries AS d USING (dictionary_id)
JOIN activation_sets AS s USING (activation_set_id)
GROUP BY ALL
ORDER BY s.network, s.layer, a.dictionary_id, a.family_analysis_id, x.stimulus_type;
COMMENT ON VIEW curves_and_lines IS 'one row per (analysis, stimulus type curve, line, edge or grating): families of which more than half the members answer it, SAEs left out';
COMMENT ON COLUMN curves_and_lines.with_one_peak IS 'families whose mean profile rises above half its height once in a full turn, as a curve''s does';
COMMENT ON COLUMN curves_and_lines.with_two_peaks IS 'twice, as a line''s does';
COMMENT ON COLUMN curves_and_lines.mean_peaks IS 'per member';
COMMENT ON COLUMN curves_and_lines.mean_half_turn IS 'cosine to the feature itself after half a turn, mean over members; null where the group holds none';
