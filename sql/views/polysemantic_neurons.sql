-- Lists neurons whose strongest activations come from features of several stimulus types.
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
    v.dictionary_label,
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
JOIN dictionary_labels() AS v USING (dictionary_id)
-- a neuron that the dictionary hardly reconstructs isn't decomposed by it either
WHERE n.explained >= 0.5
ORDER BY m.dictionary_id, m.types DESC, m.share DESC, m.neuron;
COMMENT ON VIEW polysemantic_neurons IS 'one row per (dictionary_id, neuron) of which features of at least two stimulus types each contribute a tenth or more, and of whose activation the dictionary explains at least half';
COMMENT ON COLUMN polysemantic_neurons.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN polysemantic_neurons.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN polysemantic_neurons.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN polysemantic_neurons.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN polysemantic_neurons.neuron IS 'number of the neuron: its channel in the layer, counted from 0';
COMMENT ON COLUMN polysemantic_neurons.types IS 'number of different stimulus types among these features; mixed is not counted';
COMMENT ON COLUMN polysemantic_neurons.mixture IS 'shares and stimulus types of these features as text, for example 45 % curve + 20 % colour';
COMMENT ON COLUMN polysemantic_neurons.features IS 'numbers of the features with a share of 0.1 or more that contribute most on some top row, the largest share first; the lists beside it have the same order';
COMMENT ON COLUMN polysemantic_neurons.shares IS 'shares of these features, a list, each 0 to 1';
COMMENT ON COLUMN polysemantic_neurons.stimulus_types IS 'stimulus types of these features, a list';
COMMENT ON COLUMN polysemantic_neurons.peaks_degrees IS 'orientations of these features'' tuning peaks, degrees, a list; an entry is null where the feature has no peak';
COMMENT ON COLUMN polysemantic_neurons.rows_carried IS 'numbers of top rows on which each of these features contributes most, a list';
COMMENT ON COLUMN polysemantic_neurons.share IS 'sum of the shares of these features, 0 to 1';
COMMENT ON COLUMN polysemantic_neurons.top_rows IS 'number of top rows, on which the shares are measured: the strongest row of each image, at most the 200 strongest of them; 0 where the neuron is never active';
COMMENT ON COLUMN polysemantic_neurons.explained IS '1 - sum of |activation - reconstruction| / sum of activation, over the top rows, at least 0.5';
COMMENT ON COLUMN polysemantic_neurons.max_activation IS 'largest activation on the untransformed rows of the activation set, in the layer''s own units';
COMMENT ON COLUMN polysemantic_neurons.density IS 'share of the untransformed rows on which the activation is above 0, 0 to 1';
