-- Shows how close each dimension is to a single harmonic of the group.
CREATE OR REPLACE VIEW dimension_harmonic_purity AS
WITH purest AS (
    SELECT h.dimension_analysis_id, h.dimension, h.irrep, h.waves_per_turn, h.share, a.activation_set_id, a.dictionary_id, a.method, a.source
    FROM dimension_harmonics AS h
    JOIN dimension_analyses AS a USING (dimension_analysis_id)
    QUALIFY row_number() OVER (PARTITION BY h.dimension_analysis_id, h.dimension ORDER BY h.share DESC, h.irrep) = 1
),
controls AS (
    SELECT
        activation_set_id,
        dictionary_id,
        source,
        avg(share) FILTER (method = 'neurons') AS neurons_share,
        avg(share) FILTER (method = 'random') AS random_share
    FROM purest
    GROUP BY ALL
)
SELECT
    p.dimension_analysis_id,
    u.dimension_analysis_label,
    s.network,
    s.layer,
    p.activation_set_id,
    v.activation_set_label,
    p.dictionary_id,
    n.dictionary_label,
    p.method,
    p.source,
    s.group_order,
    p.dimension,
    p.irrep,
    p.waves_per_turn,
    p.share,
    c.neurons_share,
    c.random_share
FROM purest AS p
JOIN activation_sets AS s USING (activation_set_id)
JOIN controls AS c
    ON c.activation_set_id = p.activation_set_id AND c.source = p.source AND c.dictionary_id IS NOT DISTINCT FROM p.dictionary_id
JOIN activation_set_labels() AS v ON v.activation_set_id = p.activation_set_id
JOIN dimension_analysis_labels() AS u ON u.dimension_analysis_id = p.dimension_analysis_id
LEFT JOIN dictionary_labels() AS n ON n.dictionary_id = p.dictionary_id
ORDER BY s.network, s.layer, p.activation_set_id, p.dictionary_id NULLS FIRST, p.source, p.method, p.dimension_analysis_id, p.dimension;
COMMENT ON VIEW dimension_harmonic_purity IS 'one row per (dimension_analysis_id, dimension), where the rows are orbits: the irreducible representation with the largest share of the score''s variance';
COMMENT ON COLUMN dimension_harmonic_purity.dimension_analysis_id IS 'content key of the dimension analysis; refers to dimension_analyses';
COMMENT ON COLUMN dimension_harmonic_purity.dimension_analysis_label IS 'label of the dimension analysis, unique';
COMMENT ON COLUMN dimension_harmonic_purity.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN dimension_harmonic_purity.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN dimension_harmonic_purity.activation_set_id IS 'content key of the activation set; refers to activation_sets';
COMMENT ON COLUMN dimension_harmonic_purity.activation_set_label IS 'label of the activation set, unique';
COMMENT ON COLUMN dimension_harmonic_purity.dictionary_id IS 'content key of the dictionary whose features are the units; refers to dictionaries; null where the units are the layer''s neurons';
COMMENT ON COLUMN dimension_harmonic_purity.dictionary_label IS 'label of the dictionary, unique; null where the units are the layer''s neurons';
COMMENT ON COLUMN dimension_harmonic_purity.method IS 'dimension method: pca, ica, nmf or kernel-pca; controls: neurons (the units that explain most) and random (a random orthogonal basis)';
COMMENT ON COLUMN dimension_harmonic_purity.source IS 'rows that the dimensions were fitted to: patches (the train split) or gratings (synthetic)';
COMMENT ON COLUMN dimension_harmonic_purity.group_order IS 'number of transforms, |G|: 2 * n_rotations, or n_rotations without reflections; of scale, 2 * octaves * scales_per_octave + 1; 1: images are recorded as they are';
COMMENT ON COLUMN dimension_harmonic_purity.dimension IS 'number of the dimension in its analysis, counted from 0; (dimension_analysis_id, dimension) refers to tuning_dimensions';
COMMENT ON COLUMN dimension_harmonic_purity.irrep IS 'A1: the same under the whole group; A2: its sign changes under a mirror; B: its sign changes with each rotation by the smallest step (half as many waves as rotations); E1, E2, …: k waves in a full turn';
COMMENT ON COLUMN dimension_harmonic_purity.waves_per_turn IS 'number of waves of the score in a full turn';
COMMENT ON COLUMN dimension_harmonic_purity.share IS 'share of the score''s variance in this irreducible representation, 0 to 1; 1 for a pure harmonic';
COMMENT ON COLUMN dimension_harmonic_purity.neurons_share IS 'mean of share for the control neurons, over all analyses of the same activation set, dictionary and source; null without such an analysis';
COMMENT ON COLUMN dimension_harmonic_purity.random_share IS 'mean of share for the control random, over all analyses of the same activation set, dictionary and source; null without such an analysis';
