-- How far is a dimension a harmonic of the group?
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
    s.network,
    s.layer,
    p.activation_set_id,
    p.dictionary_id,
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
ORDER BY s.network, s.layer, p.activation_set_id, p.dictionary_id NULLS FIRST, p.source, p.method, p.dimension_analysis_id, p.dimension;
COMMENT ON VIEW dimension_harmonic_purity IS 'one row per (analysis, dimension) of orbits: the irreducible representation of the group that holds most of its score';
COMMENT ON COLUMN dimension_harmonic_purity.irrep IS 'A1: the same under the whole group; A2: the sign changes with a mirror; B: with the smallest turn; E1, E2, …: k waves in a full turn';
COMMENT ON COLUMN dimension_harmonic_purity.waves_per_turn IS 'waves of the score in a full turn';
COMMENT ON COLUMN dimension_harmonic_purity.share IS 'share of the score''s variance that this one holds; 1 for a pure harmonic';
COMMENT ON COLUMN dimension_harmonic_purity.neurons_share IS 'the same for neurons in the dimensions'' place: mean over all analyses of the same activation set, dictionary and source; null without such';
COMMENT ON COLUMN dimension_harmonic_purity.random_share IS 'the same for random directions';
