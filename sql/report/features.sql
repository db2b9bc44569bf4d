-- Returns one row per live feature: everything that its page and its card show. Lists are in the order of group element, harmonic and rank.
WITH live AS (
    SELECT
        *,
        percent_rank() OVER (PARTITION BY dictionary_id ORDER BY density) AS density_rank,
        lag(feature) OVER (PARTITION BY dictionary_id ORDER BY feature) AS previous,
        lead(feature) OVER (PARTITION BY dictionary_id ORDER BY feature) AS next
    FROM features
    WHERE NOT dead
),
stimuli AS (
    -- where a dictionary has several unit sets, the one with the smallest step_degrees counts
    SELECT s.dictionary_id, u.unit AS feature, s.unit_set_id, u.stimulus_type, u.confidence
    FROM unit_sets AS s
    JOIN unit_tuning AS u USING (unit_set_id)
    WHERE s.kind = 'features'
    QUALIFY row_number() OVER (PARTITION BY s.dictionary_id, u.unit ORDER BY s.step_degrees, s.unit_set_id) = 1
),
answers AS (
    -- a feature without unit_tuning, as of a crosscoder, may have a stimulus type from a family analysis
    SELECT a.dictionary_id, f.feature, any_value(f.stimulus_type) AS stimulus_type, any_value(f.stimulus_confidence) AS confidence
    FROM feature_families AS f
    JOIN family_analyses AS a USING (family_analysis_id)
    GROUP BY a.dictionary_id, f.feature
),
blocks AS (
    SELECT
        dictionary_id,
        feature,
        list(cosine_to_identity ORDER BY element) AS profile,
        list(norm ORDER BY element) AS norms
    FROM transform_blocks
    GROUP BY dictionary_id, feature
),
harmonics AS (
    SELECT dictionary_id, feature, list(energy ORDER BY harmonic) AS harmonics
    FROM feature_harmonics
    GROUP BY dictionary_id, feature
),
neighbours AS (
    SELECT
        n.dictionary_id,
        n.feature,
        list({'feature': n.neighbour, 'similarity': n.similarity} ORDER BY n.rank) AS neighbours
    FROM feature_neighbours AS n
    JOIN live ON live.dictionary_id = n.dictionary_id AND live.feature = n.neighbour
    GROUP BY n.dictionary_id, n.feature
)
SELECT
    live.dictionary_id,
    live.feature,
    live.atom_dimension,
    live.density,
    live.density_rank,
    live.mean_activation,
    live.max_activation,
    live.previous,
    live.next,
    coalesce(s.type, 'none') AS type,
    s.period_degrees,
    s.confidence,
    s.rotational_order,
    s.invariance,
    s.mirror,
    s.mirror_element,
    s.stabiliser,
    s.stabiliser_order,
    s.mirror_axes_degrees,
    s.preferred_octaves,
    blocks.profile,
    blocks.norms,
    harmonics.harmonics,
    neighbours.neighbours,
    coalesce(stimuli.stimulus_type, answers.stimulus_type) AS stimulus_type,
    coalesce(stimuli.confidence, answers.confidence) AS stimulus_confidence,
    stimuli.unit_set_id AS tuning_subject
FROM live
LEFT JOIN feature_symmetry AS s USING (dictionary_id, feature)
LEFT JOIN blocks USING (dictionary_id, feature)
LEFT JOIN harmonics USING (dictionary_id, feature)
LEFT JOIN neighbours USING (dictionary_id, feature)
LEFT JOIN stimuli USING (dictionary_id, feature)
LEFT JOIN answers USING (dictionary_id, feature)
ORDER BY live.dictionary_id, live.feature;
