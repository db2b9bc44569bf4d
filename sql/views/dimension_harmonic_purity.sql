-- How far is a dimension a harmonic of the group?
CREATE OR REPLACE VIEW dimension_harmonic_purity AS
WITH purest AS (
    SELECT h.analysis, h.dimension, h.irrep, h.frequency, h.share, a.activation_set, a.dictionary, a.method, a.source
    FROM dimension_harmonics AS h
    JOIN dimension_analyses AS a USING (analysis)
    QUALIFY row_number() OVER (PARTITION BY h.analysis, h.dimension ORDER BY h.share DESC, h.irrep) = 1
),
controls AS (
    SELECT
        activation_set,
        dictionary,
        source,
        avg(share) FILTER (method = 'neurons') AS neurons_share,
        avg(share) FILTER (method = 'random') AS random_share
    FROM purest
    GROUP BY ALL
)
SELECT
    p.analysis,
    s.network,
    s.layer,
    p.activation_set,
    p.dictionary,
    p.method,
    p.source,
    s.group_order,
    p.dimension,
    p.irrep,
    p.frequency,
    p.share,
    c.neurons_share,
    c.random_share
FROM purest AS p
JOIN activation_sets AS s USING (activation_set)
JOIN controls AS c
    ON c.activation_set = p.activation_set AND c.source = p.source AND c.dictionary IS NOT DISTINCT FROM p.dictionary
ORDER BY s.network, s.layer, p.activation_set, p.dictionary NULLS FIRST, p.source, p.method, p.analysis, p.dimension;
COMMENT ON VIEW dimension_harmonic_purity IS 'one row per (analysis, dimension) of orbits: the irreducible representation of the group that holds most of its score';
COMMENT ON COLUMN dimension_harmonic_purity.irrep IS 'A1: the same under the whole group; A2: the sign changes with a mirror; B: with the smallest turn; E1, E2, …: k waves in a full turn';
COMMENT ON COLUMN dimension_harmonic_purity.frequency IS 'waves of the score in a full turn';
COMMENT ON COLUMN dimension_harmonic_purity.share IS 'share of the score''s variance that this one holds; 1 for a pure harmonic';
COMMENT ON COLUMN dimension_harmonic_purity.neurons_share IS 'the same for neurons in the dimensions'' place: mean over all analyses of the same activation set, dictionary and source; null without such';
COMMENT ON COLUMN dimension_harmonic_purity.random_share IS 'the same for random directions';
