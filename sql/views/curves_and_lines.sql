-- Compares families of curves with families of lines: a curve's profile repeats after a full turn, a line's after half a turn.
CREATE OR REPLACE VIEW curves_and_lines AS
WITH of_one_type AS (
    SELECT
        m.family_analysis_id,
        m.stimulus_type,
        h.size,
        h.type,
        h.profile,
        [h.profile[-1]] || h.profile AS around,
        -- the profile at the identity is 1 by definition and doesn't measure the height
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
        -- a family that no rotation changes has a flat profile, whose ripples are not peaks
        CASE type
            WHEN 'invariant' THEN 0
            ELSE len(list_filter(range(1, len(around)), lambda k: around[k] <= half AND around[k + 1] > half))
        END AS peaks,
        CASE WHEN len(profile) % 2 = 0 THEN profile[len(profile) // 2 + 1] END AS half_turn
    FROM of_one_type
)
SELECT
    a.family_analysis_id,
    v.family_analysis_label,
    a.dictionary_id,
    n.dictionary_label,
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
JOIN family_analysis_labels() AS v USING (family_analysis_id)
JOIN dictionary_labels() AS n USING (dictionary_id)
GROUP BY ALL
ORDER BY s.network, s.layer, a.dictionary_id, a.family_analysis_id, x.stimulus_type;
COMMENT ON VIEW curves_and_lines IS 'one row per (family_analysis_id, stimulus_type), for families with one such type in more than half of the members; without SAEs';
COMMENT ON COLUMN curves_and_lines.family_analysis_id IS 'content key of the family analysis; refers to family_analyses';
COMMENT ON COLUMN curves_and_lines.family_analysis_label IS 'label of the family analysis, unique';
COMMENT ON COLUMN curves_and_lines.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN curves_and_lines.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN curves_and_lines.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN curves_and_lines.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN curves_and_lines.stimulus_type IS 'stimulus type of the families: curve, line, edge or grating';
COMMENT ON COLUMN curves_and_lines.families IS 'number of families';
COMMENT ON COLUMN curves_and_lines.members IS 'number of members of these families';
COMMENT ON COLUMN curves_and_lines.with_one_peak IS 'number of families whose mean profile rises above half its height once in a full turn, as a curve''s does';
COMMENT ON COLUMN curves_and_lines.with_two_peaks IS 'number of families whose mean profile rises above half its height twice in a full turn, as a line''s does';
COMMENT ON COLUMN curves_and_lines.mean_peaks IS 'mean number of such peaks over the members';
COMMENT ON COLUMN curves_and_lines.mean_half_turn IS 'mean over the members of the profile after half a turn, a cosine, -1 to 1; null where no group contains half a turn';
