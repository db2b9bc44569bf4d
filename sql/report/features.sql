-- One row per live feature: all that its page and its card say. Lists stand in the order of group element, harmonic and rank.
WITH live AS (
    SELECT
        *,
        percent_rank() OVER (PARTITION BY dictionary ORDER BY density) AS density_rank,
        lag(feature) OVER (PARTITION BY dictionary ORDER BY feature) AS previous,
        lead(feature) OVER (PARTITION BY dictionary ORDER BY feature) AS next
    FROM features
    WHERE NOT dead
),
stimuli AS (
    -- of a dictionary that was tuned more than once, the finest tuning
    SELECT s.dictionary, u.unit AS feature, s.subject, u.stimulus_type, u.confidence
    FROM tuning_subjects AS s
    JOIN unit_tuning AS u USING (subject)
    WHERE s.kind = 'features'
    QUALIFY row_number() OVER (PARTITION BY s.dictionary, u.unit ORDER BY s.step_degrees, s.subject) = 1
),
answers AS (
    -- features that were told apart with their families, such as those of crosscoders
    SELECT a.dictionary, f.feature, any_value(f.stimulus_type) AS stimulus_type, any_value(f.stimulus_confidence) AS confidence
    FROM feature_families AS f
    JOIN family_analyses AS a USING (analysis)
    GROUP BY a.dictionary, f.feature
),
blocks AS (
    SELECT
        dictionary,
        feature,
        list(cosine_to_identity ORDER BY element) AS profile,
        list(norm ORDER BY element) AS norms
    FROM transform_blocks
    GROUP BY dictionary, feature
),
harmonics AS (
    SELECT dictionary, feature, list(energy ORDER BY harmonic) AS harmonics
    FROM feature_harmonics
    GROUP BY dictionary, feature
),
neighbours AS (
    SELECT
        n.dictionary,
        n.feature,
        list({'feature': n.neighbour, 'similarity': n.similarity} ORDER BY n.rank) AS neighbours
    FROM feature_neighbours AS n
    JOIN live ON live.dictionary = n.dictionary AND live.feature = n.neighbour
    GROUP BY n.dictionary, n.feature
)
SELECT
    live.dictionary,
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
    blocks.profile,
    blocks.norms,
    harmonics.harmonics,
    neighbours.neighbours,
    coalesce(stimuli.stimulus_type, answers.stimulus_type) AS stimulus_type,
    coalesce(stimuli.confidence, answers.confidence) AS stimulus_confidence,
    stimuli.subject AS tuning_subject
FROM live
LEFT JOIN feature_symmetry AS s USING (dictionary, feature)
LEFT JOIN blocks USING (dictionary, feature)
LEFT JOIN harmonics USING (dictionary, feature)
LEFT JOIN neighbours USING (dictionary, feature)
LEFT JOIN stimuli USING (dictionary, feature)
LEFT JOIN answers USING (dictionary, feature)
ORDER BY live.dictionary, live.feature;
