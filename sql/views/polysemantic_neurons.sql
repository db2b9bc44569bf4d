-- Which neurons mix which features?
CREATE OR REPLACE VIEW polysemantic_neurons AS
WITH mixtures AS (
    SELECT
        f.dictionary_id,
        f.neuron,
        count(DISTINCT t.stimulus_type) FILTER (t.stimulus_type <> 'mixed') AS types,
        string_agg(printf('%.0f %% %s', 100 * f.share, t.stimulus_type), ' + ' ORDER BY f.rank) AS mixture,
        list(f.feature ORDER BY f.rank) AS features,
        list(f.share ORDER BY f.rank) AS shares,
        list(t.stimulus_type ORDER BY f.rank) AS stimulus_types,
        list(t.peak_degrees ORDER BY f.rank) AS peaks_degrees,
        list(f.rows_carried ORDER BY f.rank) AS rows_carried,
        sum(f.share) AS share
    FROM neuron_features AS f
    JOIN feature_catalogue AS t USING (dictionary_id, feature)
    WHERE t.stimulus_type IS NOT NULL AND f.share >= 0.1 AND f.rows_carried > 0
    GROUP BY f.dictionary_id, f.neuron
    HAVING types >= 2
)
SELECT
    m.dictionary_id,
    s.network,
    s.layer,
    m.neuron,
    m.types,
    m.mixture,
    m.features,
    m.shares,
    m.stimulus_types,
    m.peaks_degrees,
    m.rows_carried,
    m.share,
    n.top_rows,
    n.explained,
    n.max_activation,
    n.density
FROM mixtures AS m
JOIN neurons AS n USING (dictionary_id, neuron)
JOIN dictionaries AS d USING (dictionary_id)
JOIN activation_sets AS s USING (activation_set_id)
-- what the dictionary hardly reconstructs it doesn't take apart either
WHERE n.explained >= 0.5
ORDER BY m.dictionary_id, m.types DESC, m.share DESC, m.neuron;
COMMENT ON VIEW polysemantic_neurons IS 'one row per (dictionary, decomposed neuron): features of at least two stimulus types each carry a tenth or more, each adds most on some of its top rows, and half of its activation is explained';
COMMENT ON COLUMN polysemantic_neurons.types IS 'different stimulus types among its features; mixed, which may be any, is not counted';
COMMENT ON COLUMN polysemantic_neurons.mixture IS 'its features in words, as 45 % curve + 20 % colour';
COMMENT ON COLUMN polysemantic_neurons.features IS 'those that carry so much, the largest share first; the lists beside it stand in the same order';
COMMENT ON COLUMN polysemantic_neurons.share IS 'of these features together';
COMMENT ON COLUMN polysemantic_neurons.explained IS 'of the neuron''s activation on the top rows, by the whole dictionary';
