-- Answers which neurons make a feature and, filtered by neuron, which features a neuron makes.
CREATE OR REPLACE VIEW neurons_of_features AS
SELECT
    n.dictionary_id,
    v.dictionary_label,
    s.network,
    s.layer,
    n.feature,
    n.rank,
    n.neuron,
    n.weight,
    n.share,
    row_number() OVER (PARTITION BY n.dictionary_id, n.neuron ORDER BY abs(n.weight) DESC, n.feature) AS rank_for_neuron,
    c.share AS share_of_neuron,
    f.density
FROM feature_neurons AS n
JOIN features AS f USING (dictionary_id, feature)
JOIN dictionaries AS d USING (dictionary_id)
JOIN activation_sets AS s USING (activation_set_id)
JOIN dictionary_labels() AS v USING (dictionary_id)
LEFT JOIN neuron_features AS c USING (dictionary_id, neuron, feature)
ORDER BY n.dictionary_id, n.feature, n.rank;
COMMENT ON VIEW neurons_of_features IS 'one row per (dictionary_id, feature, rank): a neuron on which the feature''s decoder vector writes, at most 10 for each live feature';
COMMENT ON COLUMN neurons_of_features.dictionary_id IS 'content key of the dictionary; refers to dictionaries';
COMMENT ON COLUMN neurons_of_features.dictionary_label IS 'label of the dictionary, unique';
COMMENT ON COLUMN neurons_of_features.network IS 'name of the network; refers to networks';
COMMENT ON COLUMN neurons_of_features.layer IS 'name of the layer; (network, layer) refers to layers';
COMMENT ON COLUMN neurons_of_features.feature IS 'number of the feature in its dictionary, counted from 0';
COMMENT ON COLUMN neurons_of_features.rank IS 'rank of the neuron by the absolute value of its weight in this feature, 1 for the largest';
COMMENT ON COLUMN neurons_of_features.neuron IS 'number of the neuron: its channel in the layer, counted from 0';
COMMENT ON COLUMN neurons_of_features.weight IS 'entry of the feature''s decoder vector, of a group crosscoder in the block of the identity: what the neuron gains, in scaled units, where the activation is 1; negative: what it loses';
COMMENT ON COLUMN neurons_of_features.share IS 'square of the weight over the sum of the squares of the whole vector, 0 to 1';
COMMENT ON COLUMN neurons_of_features.rank_for_neuron IS 'rank of the feature among those that have this neuron here, by the absolute value of the weight, 1 for the largest';
COMMENT ON COLUMN neurons_of_features.share_of_neuron IS 'share that the feature has in the neuron''s strongest activations, as in neuron_features; null where it is not among their features, or the dictionary''s neurons were not decomposed';
COMMENT ON COLUMN neurons_of_features.density IS 'share of rows on which the feature is active, 0 to 1';
